"""Audit lines of an API gateway, one JSON object each, to Requests; and the requests that began but did not end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from typing import Any

import msgspec

from opskit.logs.gateway_fields import END, START, TimeUnit, roles
from opskit.logs.gateway_salvage import salvaged
from opskit.logs.gateway_values import value_of
from opskit.logs.request import Kind, Request

_DEPTH = 3
BARE_UNITS = {"s": 1.0, "ms": 1e-3}


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
    if record.get("status") == "success" and "call_type" in record:
        found["status"] = 200  # litellm's StandardLoggingPayload gives a number only where a call failed
    event, other = _event(found, record)
    if event == "start":
        found.pop("status", None)
    elif found.get("status") is None and (other or not (found.get("request_id") or "event" in found)):
        return None
    return _request(at, event, found)


def moment(record: dict[str, Any], zone: tzinfo = UTC) -> float | None:
    """Return the time of a decoded record, whatever it tells."""
    at = _fields(record, "s", zone).get("at")
    return at if isinstance(at, float) else None


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
        upstream_addr=found.get("upstream_addr"),
        upstream_time=found.get("upstream_time"),
        complete=found.get("complete"),
        prompt_chars=found.get("prompt_chars"),
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
        record = salvaged(line)
    return record if isinstance(record, dict) else None


def _fields(record: dict[str, Any], time_unit: TimeUnit, zone: tzinfo) -> dict[str, Any]:
    """Return the best usable value of each field."""
    found: dict[str, Any] = {}
    ranks: dict[str, int] = {}
    for key, value in flat(record):
        for role in roles(key):
            if role.rank >= ranks.get(role.field, 1000):
                continue
            read = value_of(role, value, BARE_UNITS[time_unit], zone)
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
