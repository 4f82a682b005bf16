"""Clawdbot's own way to the gateway: what its configuration names, asked as Clawdbot would, without asking the model.

Its key is read, sent to the place that the configuration names, and kept nowhere.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from opskit.logs.redact import MARK, redact
from opskit.probes.address import port_of
from opskit.probes.answer import OWN_REQUEST
from opskit.probes.base import Deadline, OwnLimitError, ProbeError
from opskit.probes.exchange import Exchange, Target, exchange

_CAP = 1 << 18
_KEPT = 400
_LONGEST_KEY = 8192
_MOST_NESTED = 1000
_SHARE = 0.5  # of the time is left for a second question
_KEYED = ("api_key", "api_key_file")
KeySource = Literal["sent", "none", "unreadable"]
Problem = Literal["", "missing", "denied", "odd", "no_base"]


class Backend(msgspec.Struct, frozen=True):
    """What the configuration says and what came of it. `problem`: why nothing was asked, `text` the system's word.

    `models` is the list of models, which needs no model; `chat` an empty question, asked where the list tells nothing;
    `bearer` the list again, with the key as a bearer token; `with_v1` that below /v1, where the address has none.
    `same_network`: Clawdbot's process has the network of this look (None: it may not be seen).
    """

    config: str
    problem: Problem = ""
    text: str = ""
    api_base: str = ""
    key: KeySource = "none"
    header: str = ""
    models: Exchange | None = None
    bearer: Exchange | None = None
    chat: Exchange | None = None
    with_v1: Exchange | None = None
    same_network: bool | None = None


class _Named(msgspec.Struct, frozen=True):
    """The part of the configuration that is asked about, with the secret: it never leaves this module."""

    api_base: str
    key: str | None
    source: KeySource
    header: str | None


def knock(config: str, header: str, deadline: Deadline) -> Backend:
    """Read Clawdbot's configuration and ask the gateway that it names; `header` carries the key where it says none."""
    try:
        found, owner = _read(config)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        return Backend(config, "denied" if denied else "missing", error.strerror or "?")
    except ValueError as error:
        return Backend(config, "odd", redact(str(error).partition("\n")[0])[:_KEPT])
    named = _named(found, owner)
    if named is None:
        return Backend(config, "no_base")
    if port_of(named.api_base) is None:
        return Backend(config, "odd", "api_base is no http(s) address")
    if "@" in urlsplit(named.api_base).netloc:
        return Backend(config, "odd", "a password in api_base")
    return _Knock(named, named.header or header, deadline).done(config)


def _contents(path: str, most: int) -> tuple[bytes, os.stat_result]:
    """Raises OSError, for what is no file too: a FIFO would keep the reader waiting."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        return file.read(most), about


def _read(config: str) -> tuple[dict[str, Any], os.stat_result]:
    """Raises OSError, and ValueError for what is no YAML. A file that quotes itself is not unfolded."""
    import yaml

    data, owner = _contents(config, _CAP)
    if data.count(b"[") + data.count(b"{") > _MOST_NESTED:
        raise ValueError("too many brackets")  # PyYAML takes the square of their depth
    try:
        found = yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(f"line {mark.line + 1}: no YAML" if mark else "no YAML") from None
    if not isinstance(found, dict):
        raise ValueError("no keys and values")  # noqa: TRY004  # the file is wrong, not the program
    return found, owner


def _named(found: dict[str, Any], owner: os.stat_result) -> _Named | None:
    backend = found.get("backend")
    if not isinstance(backend, dict):
        return None
    base, header = backend.get("api_base"), backend.get("key_header")
    if not isinstance(base, str) or not base.strip():
        return None
    key, source = _key(backend, owner)
    return _Named(base.strip().rstrip("/"), key, source, header if isinstance(header, str) and header else None)


def _key(backend: dict[str, Any], owner: os.stat_result) -> tuple[str | None, KeySource]:
    """A key that stands there, or in a file; one that is only referred to, as `${NAME}`, is Clawdbot's own to know."""
    given, file = (backend.get(name) for name in _KEYED)
    if isinstance(file, str) and file:
        text = _from_file(file, owner)
    elif given is None or given == "":
        return None, "none"
    else:
        text = given.strip() if isinstance(given, str) and "$" not in given else ""
    fit = text and all("!" <= sign <= "~" for sign in text)
    return (text, "sent") if fit else (None, "unreadable")


def _from_file(path: str, owner: os.stat_result) -> str:
    """The text of a key file; empty where it may not be read, or not be lent.

    Whoever may write the configuration chooses where the key is sent. What they could not read themselves, opskit,
    which may be root, does not read for them.
    """
    try:
        data, about = _contents(path, _LONGEST_KEY) if path.startswith("/") else (b"", owner)
    except OSError:
        return ""
    trusted = owner.st_uid in {0, os.geteuid()} or owner.st_uid == about.st_uid
    return data.decode("utf-8-sig", "replace").strip() if trusted and not owner.st_mode & stat.S_IWOTH else ""


def _needs_a_second(models: Exchange) -> bool:
    """Whether the list tells nothing: there is none, or the gateway asks a model server for it that does not answer."""
    waited = models.timed_out and models.failure is not None and models.failure.stage.startswith("wait")
    return waited or models.status in {404, 405} or (models.status or 0) >= 500


class _Knock:
    def __init__(self, named: _Named, header: str, deadline: Deadline) -> None:
        self.named = named
        self.header = header
        self.deadline = deadline

    def done(self, config: str) -> Backend:
        named = self.named
        base = redact(named.api_base)
        try:
            models = self._ask(named.api_base + "/models", self.header, share=_SHARE)
        except OwnLimitError:
            raise
        except ProbeError as error:
            return Backend(config, "odd", str(error.reason)[:_KEPT], base)
        bearer = chat = with_v1 = None
        if models.status == 401 and named.key and named.header is None and self.deadline.left:
            bearer = self._ask(named.api_base + "/models", "Authorization")
        if _needs_a_second(models) and self.deadline.left:
            chat = self._ask(named.api_base + "/chat/completions", self.header, {})
        if chat is not None and chat.status == 404 and not named.api_base.endswith("/v1") and self.deadline.left:
            with_v1 = self._ask(named.api_base + "/v1/models", self.header)
        return Backend(config, "", "", base, named.source, self.header, models, bearer, chat, with_v1)

    def _ask(self, url: str, header: str, payload: dict[str, object] | None = None, share: float = 0.0) -> Exchange:
        """Raises ProbeError where address or header is none; no redirect is followed, for the key goes along."""
        headers = {"X-Request-Id": OWN_REQUEST + secrets.token_hex(8)}
        if self.named.key:
            bearer = header.lower() == "authorization"
            headers[header] = f"Bearer {self.named.key}" if bearer else self.named.key
        deadline = self.deadline.before(self.deadline.left * share)
        return self._kept(exchange(Target(url, payload, headers), deadline))

    def _kept(self, asked: Exchange) -> Exchange:
        """What is judged and shown; a server that repeats the key does not get it into the evidence."""
        kind, failure = asked.headers.get("content-type"), asked.failure
        if failure is not None:
            failure = msgspec.structs.replace(failure, text=self._plain(failure.text))
        headers = {} if kind is None else {"content-type": self._plain(kind)}
        return msgspec.structs.replace(
            asked, body=self._plain(asked.body), headers=headers, certificate="", failure=failure
        )

    def _plain(self, text: str) -> str:
        return redact(text.replace(self.named.key, MARK) if self.named.key else text)[:_KEPT]
