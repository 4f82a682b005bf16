r"""Lines of a gateway that are not one JSON object or `key=value` from end to end, to Requests.

What carried the line is taken off layer by layer (colours, docker, containerd, journald, syslog, a logger's own
stamp), until something is left that tells of a request: a record, gin's columns, a combined line, `CLIENT - "REQUEST"
STATUS` of uvicorn and its kin, or words with pairs among them. A line without any time stays unread: nobody could
call it recent.
"""

from __future__ import annotations

import re
from datetime import tzinfo
from typing import Any

from opskit.logs import colours, gateway, gin, logfmt, nginx_access, stamp
from opskit.logs.envelope import Opened, layer
from opskit.logs.gateway_fields import TimeUnit
from opskit.logs.request import Request
from opskit.model.regex import regex

_LAYERS = 5
_LONGEST = 1 << 16
# In JSON only these carry the line of another program; the text in any other may be what a user wrote.
_CARRIERS = ('"__REALTIME_TIMESTAMP"', '"log":')
_ACCESS_LOGGER = regex(r'"(?:name|logger|logger_name)": ?"[\w.]{0,40}access[\w.]{0,20}"')
_LEVEL = regex(
    r"\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\]?[ :|-]{1,10}(?=\[?\d{4}-)", re.IGNORECASE
)
# Python's servers put their stamp into brackets.
_BRACKETED = regex(r"\[(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?)\] ?")
_ACCESS = regex(
    r'[^"]{0,300}?(?<![^\s|])([0-9A-Fa-f.:\[\]]{2,60}) - "([A-Z]{3,10}) ([^\s"]{1,8000}) HTTP/[\d.]{1,3}" (\d{3})\b'
    r'(?=[^"]{0,200}$)'
)
_TOOK = regex(r"(?<![\w.])(\d{1,9}(?:\.\d{1,9})? ?(?:ms|s|us|\u00b5s|\u03bcs|毫秒|微秒|秒))(?!\w)")
_REQUEST = regex(r'(?<![^\s"|\[])(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) (/[^\s"?]{0,500})')
_PAIR = regex(r'(?<![^\s,;|(\[])([^\W\d][\w.-]{0,39})=("(?:[^"\\]|\\.)*+"|[^\s,;|")\]]*+)')
_WHO = ("path", "user", "request_id")


def read(line: bytes, time_unit: TimeUnit, zone: tzinfo, newest: float | None = None) -> Request | None:
    """Return the request of a line, None where it tells of none or has no time.

    `newest` (epoch seconds) gives the stamps of syslog their year; without it they give no time.
    """
    text = colours.bare(line[:_LONGEST]).strip(b"\0\r ").decode("utf-8", "surrogateescape")
    at: float | None = None
    for _ in range(_LAYERS):
        found = _told(text, at, time_unit, zone)
        if found is not None:
            return found
        if text.startswith("{") and not (any(key in text for key in _CARRIERS) or _ACCESS_LOGGER.search(text)):
            return None
        opened = _opened(text[match.end() :] if (match := _LEVEL.match(text)) else text, zone, newest)
        if opened is None:
            return None
        text, at = opened.text.strip(), opened.at if opened.at is not None else at
    return None


def _opened(text: str, zone: tzinfo, newest: float | None) -> Opened | None:
    if match := _BRACKETED.match(text):
        return Opened(text[match.end() :], stamp.iso(match[1], zone))
    return layer(text, zone, newest)


def _told(text: str, at: float | None, time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    """Read a text as it stands; `at` is the time of what carried it."""
    if text.startswith("{"):
        return _record(gateway.decoded(_bytes(text)), at, time_unit, zone)
    if "=" in text[:80]:
        found = _record(logfmt.pairs(_bytes(text)), at, time_unit, zone)
        if found is not None:
            return found
    if "[GIN] " in text:
        access = gin.read(text)
        return gin.request(access, zone) if access is not None else None
    if '" ' in text and "[" in text:
        found = nginx_access.parse(_bytes(text))
        if found is not None:
            return found
    if at is None:
        return None
    return _answered(text, at) or _ending_in_record(text, at, time_unit, zone) or _worded(text, at, time_unit, zone)


def _record(record: dict[str, Any] | None, at: float | None, time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    if record is None:
        return None
    if at is not None and gateway.moment(record, zone) is None:
        record = {**record, "ts": at}
    return gateway.told(record, time_unit, zone)


def _answered(text: str, at: float) -> Request | None:
    """Read `127.0.0.1:53210 - "POST /v1/chat/completions HTTP/1.1" 200 OK` behind the logger's own words."""
    match = _ACCESS.match(text) if ' - "' in text else None
    if match is None:
        return None
    client, method, path, status = match.groups()
    return gateway.told(
        {"ts": at, "client": client, "method": method, "path": path, "status": int(status)}
        | _took(text[match.end() :]),
    )


def _took(text: str) -> dict[str, Any]:
    match = _TOOK.search(text)
    return {"latency": match[1]} if match else {}


def _ending_in_record(text: str, at: float, time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    """Read `... request finished {"status": 200}`, as zap and logback write it for people."""
    start = text.find("{")
    if start < 0 or not text.endswith("}") or '"' in text[:start]:
        return None
    record = gateway.decoded(_bytes(text[start:]))
    if record is None:
        return None
    words = text[:start].rstrip().rpartition("\t")[2]
    return _record({"msg": words, **record}, at, time_unit, zone)


def _worded(text: str, at: float, time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    """Read pairs among words. They must tell a status, a duration and of whom: else it may be a remark."""
    pairs: dict[str, Any] = {}
    for match in _PAIR.finditer(text):
        pairs.setdefault(match[1], match[2].strip('"'))
    if not pairs:
        return None
    if request := _REQUEST.search(text):
        pairs.setdefault("method", request[1])
        pairs.setdefault("path", request[2])
    found = _record(_took(text) | pairs, at, time_unit, zone)
    sure = found is not None and found.status is not None and found.duration_s is not None
    return found if sure and any(getattr(found, name) for name in _WHO) else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
