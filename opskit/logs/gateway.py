"""Audit lines of an API gateway, one JSON object each, to Requests; and the requests that began but did not end."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, tzinfo
from typing import Any

import msgspec

from opskit.logs import stamp
from opskit.logs.gateway_fields import END, START, Role, TimeUnit, roles
from opskit.logs.redact import redact
from opskit.logs.request import Kind, Request, sound

_DEPTH = 3
_TEXT_LIMIT = 1000
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,12})?")
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.%]+)\](?::[0-9]+)?")
_MASKED = re.compile(r"[^*.…]{0,8}(?:\*{2,}|\.{3}|…)[^*.…]{0,6}|\[?redacted\]?", re.IGNORECASE)
_BARE_UNITS = {"s": 1.0, "ms": 1e-3}


def parse(line: bytes, time_unit: TimeUnit = "s", zone: tzinfo = UTC) -> Request | None:
    """Return the request of one line; None where it is no JSON object, has no time, or tells nothing of a request.

    Field names are those of `gateway_fields`. Durations take their unit from the name (`_ms`, `_s`, `_ns`, `_us`) or
    from a Go duration text; a bare `response_time`, `latency` or `duration` is in `time_unit`. Times are epoch
    numbers (s, ms, µs or ns) or ISO texts, in `zone` where they name none. Lines about a request that are neither its
    start nor its end (`"msg": "retrying"`, without status and duration) are None.
    """
    record = decoded(line)
    return told(record, time_unit, zone) if record is not None else None


def told(record: dict[str, Any], time_unit: TimeUnit = "s", zone: tzinfo = UTC) -> Request | None:
    """Return the request that a decoded record tells of, as `parse` does."""
    found = _fields(record, time_unit, zone)
    at = found.get("at")
    if at is None:
        return None
    event, other = _event(found, record)
    if event == "start":
        found.pop("status", None)
    elif found.get("status") is None and (other or not (found.get("request_id") or "event" in found)):
        return None
    return _request(at, event, found)


def _request(at: float, event: Kind, found: dict[str, Any]) -> Request:
    first_byte = found.get("first_byte")
    if first_byte is None and "began" in found and "streamed" in found:
        first_byte = found["streamed"] - found["began"]
    return Request(
        at=at,
        event=event,
        status=found.get("status"),
        client=found.get("client"),
        user=found.get("user"),
        method=found.get("method"),
        path=found.get("path"),
        duration_s=found.get("duration"),
        first_byte_s=first_byte,
        request_id=found.get("request_id"),
        agent=found.get("agent"),
        size_b=found.get("size"),
        model=found.get("model"),
        key=found.get("key_name") or found.get("secret"),
        error=found.get("error"),
        prompt_tokens=found.get("prompt_tokens"),
        completion_tokens=found.get("completion_tokens"),
        upstream_status=found.get("upstream_status"),
        host=found.get("host"),
        complete=found.get("complete"),
    )


def open_requests(requests: Iterable[Request]) -> list[Request]:
    """Return the starts that no end of the same request id follows, oldest first: what was in flight at the end.

    Times decide, not the order of lines. A start without a request id is left out: its end could not be known.
    """
    started: dict[str, Request] = {}
    ended: dict[str, float] = {}
    for request in requests:
        name = request.request_id
        if name is None:
            continue
        if request.event == "end":
            ended[name] = max(request.at, ended.get(name, -math.inf))
        elif name not in started or started[name].at < request.at:
            started[name] = request
    waiting = [start for name, start in started.items() if ended.get(name, -math.inf) < start.at]
    return sorted(waiting, key=lambda start: start.at)


def decoded(line: bytes) -> dict[str, Any] | None:
    """Decode one object; bytes that are not UTF-8 become lone surrogates, as gateways cut prompts inside a letter."""
    line = line.strip().removeprefix(b"\xef\xbb\xbf")
    if not line.startswith(b"{"):
        return None
    try:
        record = msgspec.json.decode(line)
    except RecursionError:
        return None
    except (msgspec.DecodeError, UnicodeDecodeError):
        record = _salvaged(line)
    return record if isinstance(record, dict) else None


def _salvaged(line: bytes) -> object:
    try:
        return json.loads(line.decode("utf-8", "surrogateescape"), parse_constant=_refuse, strict=False)
    except (ValueError, RecursionError):
        return None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a number")


def _fields(record: dict[str, Any], time_unit: TimeUnit, zone: tzinfo) -> dict[str, Any]:
    """Return the best usable value of each field."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for key, value in flat(record):
        for role in roles(key):
            if role.rank >= ranks.get(role.field, 1000):
                continue
            read = value_of(role, value, _BARE_UNITS[time_unit], zone)
            if read is not None:
                found[role.field], ranks[role.field] = read, role.rank
    return found


def flat(record: dict[str, Any], prefix: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Any]]:
    for key, value in record.items():
        if not isinstance(value, dict):
            yield prefix + key, value
        elif depth:
            yield from flat(value, f"{prefix}{key}.", depth - 1)


def _event(found: dict[str, Any], record: dict[str, Any]) -> tuple[Kind, bool]:
    """Return the kind of event, and whether the line names an event that is neither a start nor an end."""
    kind = found.get("event")
    if kind in START:
        return "start", False
    told = "duration" in found or isinstance(record.get("status"), str)
    if kind not in END:
        found.pop("event", None)
    return "end", kind is not None and kind not in END and not told


def value_of(role: Role, value: object, bare_unit: float, zone: tzinfo) -> object:
    if role.field in {"duration", "first_byte"}:
        return _seconds(value, role.unit or bare_unit)
    if role.field in {"at", "began", "streamed"}:
        return _moment(value, zone)
    return _READERS[role.field](value)


def _number(value: object) -> float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _seconds(value: object, unit: float) -> float | None:
    number = _number(value)
    if number is None and isinstance(value, str):
        return stamp.go_duration(value)
    return number * unit if number is not None and number >= 0 else None


def _moment(value: object, zone: tzinfo) -> float | None:
    """Read a time. Seconds since 1970 stay below 1e11 until the year 5138, so the size tells s, ms, µs and ns apart."""
    number = _number(value)
    if number is None:
        return stamp.iso(value, zone) if isinstance(value, str) else None
    for limit, unit in ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6), (1e20, 1e-9)):
        if 0 < number < limit:
            return number * unit
    return None


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None


def _status(value: object) -> int | None:
    count = _count(value)
    return count if count is not None and count <= 999 else None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or value in {"", "-"}:
        return None
    return sound(str(value)[:_TEXT_LIMIT])


def _address(value: object) -> str | None:
    text = _text(value)
    match = _WITH_PORT.fullmatch(text) if text and ":" in text else None
    return match[1] or match[2] if match else text


def named(value: object) -> str | None:
    text = _text(value)
    return text.lower().replace("_", ".").replace("-", ".").replace(" ", ".") if text else None


def _error(value: object) -> str | None:
    text = _text(value)
    return redact(text) if text else None


def _fingerprint(value: object) -> str | None:
    """Return `key-` and eight digits of a hash: enough to tell keys apart, nothing to log in with."""
    text = _text(value)
    if text is None or _MASKED.fullmatch(text):
        return text
    secret = text.removeprefix("Bearer ").encode("utf-8", "surrogateescape")
    return f"key-{hashlib.sha256(secret).hexdigest()[:8]}"


_READERS: dict[str, Callable[[object], object]] = {
    **dict.fromkeys(("user", "method", "path", "request_id", "agent", "model", "key_name", "host"), _text),
    **dict.fromkeys(("size", "prompt_tokens", "completion_tokens"), _count),
    "status": _status,
    "client": _address,
    "secret": _fingerprint,
    "error": _error,
    "event": named,
    "upstream_status": _text,
    "complete": lambda value: value if isinstance(value, bool) else None,
}
