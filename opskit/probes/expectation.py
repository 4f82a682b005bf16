"""What an answer must be to count as healthy: its status, a text in it, values of its JSON. Pure; for the probe `http`.

A body is kept only in part, so what stands at the expected places of its JSON is looked up when it arrives, and kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from opskit.logs.redact import MARK, redact
from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.probes.base import ProbeError
from opskit.probes.catch_all import KEPT
from opskit.probes.exchange_evidence import Exchange

Statuses = int | str | tuple[int | str, ...] | None
"""One status or several, each as 200, "2xx" or "200-299"; None where any will do."""
Scalar = bool | int | float | str | None
_CODES = regex(r"[1-5](?:xx|[0-9]{2}(?:-[1-5][0-9]{2})?)")
_LONGEST = 200
_CAP = 1 << 20


class Place(msgspec.Struct, frozen=True):
    """What stands at a place of a JSON body; `value` is JSON text, None where the body has no such place."""

    path: str
    value: str | None = None


class Body(msgspec.Struct, frozen=True):
    """What was looked up in a body: whether it is JSON at all, and the places that were expected to hold something."""

    is_json: bool
    places: tuple[Place, ...] = ()
    is_cut: bool = False


def allows(expected: Statuses, status: int) -> bool:
    """Whether a status is one of those that are expected; None expects nothing."""
    if expected is None:
        return True
    return any(_covers(each, status) for each in (expected if isinstance(expected, tuple) else (expected,)))


def insist_on_statuses(expected: Statuses) -> None:
    """Raise ValueError, with a Message, for what is no status.

    Not as a constraint of the type: msgspec 0.22 damages its memory for a union of a list with a text that has a
    pattern.
    """
    for each in expected if isinstance(expected, tuple) else (expected,):
        if each is not None and not _CODES.fullmatch(str(each)):
            raise ValueError(say("expected a status such as 200, 2xx or 200-299, got {got}", got=repr(each)[:_LONGEST]))


def _covers(each: int | str, status: int) -> bool:
    if isinstance(each, int):
        return each == status
    if each.endswith("xx"):
        return status // 100 == int(each[0])
    first, _, last = each.partition("-")
    return int(first) <= status <= int(last or first)


def looked_up(body: str, expected: Mapping[str, Scalar]) -> Body | None:
    """Return what a whole body holds at the expected places, without secrets; None where nothing is expected."""
    if not expected:
        return None
    try:
        found = msgspec.json.decode(body.removeprefix("\ufeff"))
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return Body(is_json=False, is_cut=len(body) >= _CAP)
    return Body(is_json=True, places=tuple(_place(found, path, value) for path, value in expected.items()))


def _place(found: Any, path: str, expected: Scalar) -> Place:
    there, value = _at(found, path)
    if not there:
        return Place(path)
    if _equal(value, expected):
        return Place(path, _json(expected))
    # Redacted under its own name: `{"token": ...}` is a secret, whatever it looks like.
    name = path.rpartition(".")[2]
    shown = redact(_json({name: value}))[: _LONGEST + len(name)]
    text = shown[len(_json(name)) + 2 :].removesuffix("}")
    return Place(path, text if text and not _equal(_parsed(text), expected) else _json(MARK))


def _at(value: Any, path: str) -> tuple[bool, Any]:
    """Follow a path: names of members, or positions in lists, with dots between; a name may have dots of its own."""
    if isinstance(value, dict):
        if path in value:
            return True, value[path]
        # From the longest name that fits: members are few, and the path is the operator's.
        heads = [path[:at] for at in range(len(path)) if path[at] == "."]
        for head in reversed(heads):
            if head in value:
                found = _at(value[head], path[len(head) + 1 :])
                if found[0]:
                    return found
    if isinstance(value, list):
        head, _, rest = path.partition(".")
        if head.isascii() and head.isdecimal() and len(head) < 7 and int(head) < len(value):
            return _at(value[int(head)], rest) if rest else (True, value[int(head)])
    return False, None


def _equal(value: Any, expected: Any) -> bool:
    """As JSON knows it: true is not 1, but 1 is 1.0."""
    if isinstance(value, bool) or isinstance(expected, bool):
        return value is expected
    return bool(value == expected)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode("utf-8", "replace")


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def unexpected(
    asked: Exchange, statuses: Statuses, text: str | None, body: Body | None, values: Mapping[str, Scalar]
) -> Message | None:
    """Say what an answer is not, that it should be; None where it is as expected.

    Raises ProbeError where the evidence does not hold what is asked for.
    """
    status = asked.status or 0
    if not allows(statuses, status):
        return say(
            "status {status} from {url}, expected {expected}", status=status, url=asked.url, expected=_listed(statuses)
        )
    if text is not None and text not in asked.body:
        return say("the answer of {url} does not contain '{text}'", url=asked.url, text=text)
    return _wrong_value(asked, _held(asked, body, values), values) if values else None


def _held(asked: Exchange, body: Body | None, values: Mapping[str, Scalar]) -> Body | None:
    """What was looked up when the answer came; evidence of another check's questions has only the beginning of it."""
    if body is not None and (not body.is_json or {place.path for place in body.places} >= set(values)):
        return body
    found = looked_up(asked.body, values)
    if found is not None and not found.is_json and len(asked.body) >= KEPT:
        raise ProbeError(say("the evidence holds only the beginning of the answer of {url}", url=asked.url))
    return found


def _listed(statuses: Statuses) -> str | int:
    if isinstance(statuses, tuple):
        return ", ".join(map(str, statuses))
    return statuses if statuses is not None else "-"


def _wrong_value(asked: Exchange, body: Body | None, values: Mapping[str, Scalar]) -> Message | None:
    if body is None or not body.is_json:
        if body is not None and body.is_cut:
            return say("the answer of {url} is longer than 1 MiB, and was not read as JSON", url=asked.url)
        kind = asked.headers.get("content-type", "?").partition(";")[0].strip() or "?"
        return say("the answer of {url} is no JSON ({kind})", url=asked.url, kind=kind)
    held = {place.path: place.value for place in body.places}
    for path, expected in values.items():
        found = held.get(path)
        wanted = _json(expected)
        if found is None:
            return say("the answer of {url} has no {path}, expected {wanted}", url=asked.url, path=path, wanted=wanted)
        if not _equal(_parsed(found), expected):
            return say(
                "{path} is {found} in the answer of {url}, expected {wanted}",
                path=path,
                found=found,
                url=asked.url,
                wanted=wanted,
            )
    return None
