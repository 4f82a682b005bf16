"""Access lines of gin, the router inside Ollama, one-api and new-api: the only requests Ollama's log tells of."""

from __future__ import annotations

from datetime import datetime, tzinfo

import msgspec

from opskit.logs import stamp
from opskit.logs.request import Request
from opskit.model.regex import regex

# gin logger.go: "[GIN] %v |%s %3d %s| %13v | %15s |%s %-7s %s %#v"; one-api and new-api put a request id in front.
_LINE = regex(
    r"\[GIN\] (\d{4}/\d\d/\d\d - \d\d:\d\d:\d\d) \|(?: +([\w.-]{1,80}) +\|)?(?= +\d{3} ) +(\d{3}) +\| +(\S{1,24}) +\|"
    r'(?: +(\S{1,64}) +\|)? +([A-Z]{1,16}) +"?([^"]*)"?'
)


class GinLine(msgspec.Struct, frozen=True):
    """The columns of one line; `time` as written, local and without zone; `duration_s` None where it is unreadable.

    `client` is empty where somebody took it out before he showed the line.
    """

    time: str
    status: int
    duration_s: float | None
    client: str
    method: str
    path: str
    request_id: str | None


def read(text: str) -> GinLine | None:
    """Return the columns of a line that begins with `[GIN]` or carries it behind other output; None for others."""
    start = text.find("[GIN] ")
    match = _LINE.match(text, start) if start >= 0 and '"' not in text[:start] else None
    if match is None:
        return None
    time, request_id, status, duration, client, method, path = match.groups()
    return GinLine(time, int(status), stamp.go_duration(duration), client or "", method, path.rstrip(), request_id)


def minute(at: float, zone: tzinfo) -> bytes:
    """Return how lines of the minute that begins at `at` begin."""
    return datetime.fromtimestamp(at, zone).strftime("[GIN] %Y/%m/%d - %H:%M:").encode()


def request(line: GinLine, zone: tzinfo) -> Request | None:
    """Return the line as a Request, None where its time does not exist."""
    at = stamp.gin(line.time, zone)
    if at is None:
        return None
    return Request(
        at=at,
        status=line.status,
        client=line.client or None,
        method=line.method,
        path=line.path,
        duration_s=line.duration_s,
        request_id=line.request_id,
    )
