"""`opskit init`: looks at this host, and writes a configuration that says what was found and where.

A file that is there is never written again, and what is written was read back first as any configuration is.
"""

from __future__ import annotations

import errno
import grp
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from opskit.app.clock import now
from opskit.app.install import group_of
from opskit.definitions import settings
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.connections import listing
from opskit.probes.discovery import Discovery, Found, Missing, Value, values
from opskit.probes.discovery_nginx import Front
from opskit.probes.discovery_services import clawdbot, gateway, ollama
from opskit.probes.gpu import GpuProbe

_NGINX_S, _GPU_S = 10.0, 10.0
_MODE = 0o640
_OWNERS = "opskit"
_PARTS = ("nginx", "gateway", "clawdbot", "ollama", "gpu", "host")
_SECTIONS = (*(f"stack.{part}" for part in _PARTS), "certificates")
_WRITTEN = ("nginx.access_log", "nginx.error_log", "gateway.log", "clawdbot.log", "ollama.log")
_LOGS = tuple(f"stack.{log}" for log in _WRITTEN)


class InitError(Exception):
    """The configuration cannot be written; `message` says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


def discover(nginx_conf: Path | None = None) -> list[Discovery]:
    """Return what is found on this host, and what is not; of several Nginx the one that has read `nginx_conf`."""
    front = Front(None if nginx_conf is None else str(nginx_conf))
    found = list(front.discover(Deadline(_NGINX_S)))
    sockets = listing() or []
    found += gateway(sockets, front)
    url = values(found).get("stack.gateway.url")
    found += clawdbot(sockets, front)
    found += ollama(sockets, int(str(url).rpartition(":")[2]) if url else None)
    found += _gpu()
    found += _kernel()
    return found


def _gpu() -> Iterator[Discovery]:
    probe = GpuProbe()
    args = type(probe).arguments()
    try:
        count = probe.read(probe.collect(args, Deadline(_GPU_S)), args, now()).facts.get("count")
    except ProbeError as error:
        yield Missing("gpu", say("{why}: set stack.gpu.expected where this host has a card", why=error.reason))
        return
    if isinstance(count, int) and count > 0:
        yield Found("stack.gpu.expected", count, say("the driver lists so many; fewer will be a fault"))
    else:
        yield Missing("gpu", say("the driver lists no card: set stack.gpu.expected where this host has one"))


def _kernel() -> Iterator[Discovery]:
    if not Path("/run/systemd/journal").exists():
        path = next((one for one in ("/var/log/kern.log", "/var/log/messages") if Path(one).exists()), None)
        if path is not None:
            yield Found("stack.host.kernel_log", path, say("the file is there, and no journal runs"))


def unreadable(found: Iterable[Discovery]) -> list[Message]:
    """Say of each log that this user may not read which group may."""
    told = list[Message]()
    for key in _LOGS:
        path = str(values(found).get(key, ""))
        if path.startswith("/") and not os.access(path, os.R_OK):
            group = group_of(path)
            if group is None:
                told.append(say("{path} is not readable for this user", path=path))
            else:
                told.append(say("{path} is not readable for this user: join the group {group}", path=path, group=group))
    return told


def target(given: Path | None) -> Path:
    """Return where the configuration goes: as given, the host's for root, the user's for others."""
    if given is not None:
        return given
    if os.geteuid() == 0:
        return Path("/etc/opskit/opskit.yaml")
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "opskit" / "opskit.yaml"


def rendered(found: Sequence[Discovery], reader: Reader, day: date) -> str:
    """Return the text of the file: each value under its key with how it was found, and what is not known as a comment.

    Raises DefinitionError where the text would not be a valid configuration.
    """
    title = say("written by opskit init on {day}; every key is described in docs/configuration.md", day=day.isoformat())
    lines = [f"# {reader.read(title)}", *_body(found, reader), "", *_notify(reader)]
    text = "\n".join(lines) + "\n"
    settings.parse(text.encode(), "opskit.yaml")
    return text


def _body(found: Sequence[Discovery], reader: Reader) -> Iterator[str]:
    opened = set[str]()
    for section in _SECTIONS:
        mine = [each for each in found if _section(each) == section]
        known = [each for each in mine if isinstance(each, Found)]
        parts, depth = section.split("."), 0
        for depth, part in enumerate(parts):
            name = ".".join(parts[: depth + 1])
            if known and name not in opened:
                opened.add(name)
                yield f"{'  ' * depth}{part}:"
        indent = "  " * (depth + 1)
        for each in mine:
            margin = indent if known else ""
            if isinstance(each, Found):
                yield f"{margin}# {reader.read(each.how)}"
                yield f"{margin}{each.key.rpartition('.')[2]}: {_yaml(each.value)}"
            elif isinstance(each, Missing):
                yield f"{margin}# {each.part}: {reader.read(each.advice)}"
            else:
                yield f"{margin}# {reader.read(each.text)}"


def _section(each: Discovery) -> str:
    name = each.key if isinstance(each, Found) else each.part
    whole = name if "." in name else f"stack.{name}.any"
    return whole.rpartition(".")[0]


def _yaml(value: Value) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_yaml(one) for one in value) + "]"
    # A JSON text is a YAML text, whatever stands in it.
    return str(value) if isinstance(value, int) else msgspec.json.encode(value).decode()


def _notify(reader: Reader) -> Iterator[str]:
    told = say("who is told; opskit alerts test email tries it")
    yield f"# {reader.read(told)}"
    yield "#notify:"
    yield "#  email:"
    yield "#    to: [ops@example.com]"
    yield "#    sender: opskit@example.com"
    yield "#    sendmail: /usr/sbin/sendmail"


def write(path: Path, text: str) -> None:
    """Write the file for its owner and the group of opskit's own user. Raises InitError where one is there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE), "w") as file:
            os.fchmod(file.fileno(), _MODE)
            _share(file.fileno())
            file.write(text)
    except FileExistsError:
        if not path.exists():  # it is a part of the way to it that is no folder
            wrong = say("{path} cannot be written: {why}", path=str(path), why=os.strerror(errno.ENOTDIR))
            raise InitError(wrong) from None
        there = say("{path} is there already and stays as it is: --output names another file", path=str(path))
        raise InitError(there) from None
    except OSError as error:
        why = error.strerror or str(error)
        raise InitError(say("{path} cannot be written: {why}", path=str(path), why=why)) from None


def _share(handle: int) -> None:
    """The daemon's own user reads it, where there is one; `opskit install` says what to do where it comes later."""
    try:
        group = grp.getgrnam(_OWNERS).gr_gid
        os.fchown(handle, -1, group)
    except (KeyError, PermissionError):
        return
