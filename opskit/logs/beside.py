"""Nginx's error lines beside a request: of the same connection, or else of the same client, target and time.

Requests share a connection, one after another or as HTTP/2 streams, and the error log has whole seconds: where another
request to the same target ended in the second of an error, nobody can tell which of them it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, timedelta, timezone, tzinfo

from msgspec.structs import replace

from opskit.logs import nginx_error, stamp
from opskit.logs.carried import carried
from opskit.logs.mention import Mention, Tie, text_of
from opskit.logs.nginx_error import ErrorRecord
from opskit.logs.request import Request
from opskit.logs.rotated import Held
from opskit.logs.sought import lines
from opskit.model.clock_face import clock_face
from opskit.model.message import Message
from opskit.model.regex import regex

_SECOND = 1.0  # both logs cut the time; an error is noted before the end of the request it belongs to
_UNTIMED_S = 2.0
_MOST_S = 7200.0
_TIMES = regex(stamp.CLF + b"|" + stamp.ISO)
_OFFSET = regex(rb"([+-])(\d\d):?(\d\d)$")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Read = Callable[[bytes], Request | None]


def zone_of(request: Request, line: bytes) -> tzinfo | None:
    """Return the offset in an access line's own time: Nginx's error log is in the same zone and does not say so."""
    for found in _TIMES.finditer(line):
        offset = _OFFSET.search(found[0])
        if offset is None or not _is(request.at, found[0]):  # it may be something that a client wrote
            continue
        after = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(-after if offset[1] == b"-" else after)
    return None


def _is(at: float, text: bytes) -> bool:
    try:
        found = stamp.clf(text) if b"/" in text else stamp.iso(text.decode(), UTC)
    except (ValueError, OverflowError):
        return False
    return found is not None and abs(found - at) <= _SECOND


def beside(
    own: Sequence[Mention],
    files: Sequence[Held],
    zone: tzinfo,
    read: Read,
    problems: list[Message],
    known: set[tuple[str, int]],
) -> list[Mention]:
    """Return error lines beside the access lines `own`, but for those at the places `known`; `read` reads a line."""
    spans = [_span(mention.request) for mention in own if mention.request]
    marks = {_mark(request) for request, *_ in spans if request.connection is not None or request.client}
    needles = {text for request, begin, end in spans for text in _needles(request, begin, end, zone)} if marks else ()
    found = list[Mention]()
    for file in files if needles else ():
        for number, line in lines(file, sorted(needles), problems):
            error = nginx_error.parse(carried(line), zone) if any(mark in line for mark in marks) else None
            tie = _tied(error, spans) if error and (str(file.path), number) not in known else None
            if error is not None and tie is not None:
                path = str(file.path)
                found.append(Mention(path, number, error.at, "nginx-error", tie, text_of(line), None, error))
    others = _others(own, found, files, zone, read) if found else []
    return [replace(mention, tie="shared") if _shared(mention.error, own, others) else mention for mention in found]


def _mark(request: Request) -> bytes:
    """Return what stands in every error line that may belong to a request."""
    if request.connection is not None:
        return b"*%d " % request.connection
    return f"client: {request.client}, ".encode("utf-8", "surrogateescape")


def _needles(request: Request, begin: float, end: float, zone: tzinfo) -> Iterator[bytes]:
    """Yield what to look for: a busy client is in every line, so rather the minutes of the request."""
    minutes = range(int(begin) // 60, int(end) // 60 + 1) if end - begin <= _MOST_S else range(0)
    if request.connection is not None or not minutes:
        yield _mark(request)
    for minute in minutes if request.connection is None else ():
        yield f"{clock_face(minute * 60, zone):%Y/%m/%d %H:%M}:".encode()


def _span(request: Request) -> tuple[Request, float, float]:
    """Return when a request can have been under way."""
    lasted = _UNTIMED_S if request.duration_s is None else request.duration_s + _SECOND
    return request, request.at - lasted, request.at


def _tied(error: ErrorRecord, spans: Sequence[tuple[Request, float, float]]) -> Tie | None:
    for request, begin, end in spans:
        if not begin <= error.at <= end:
            continue
        # The target has to be the same too; only a connection may have errors without one.
        if not _same_target(error, request) and (error.request is not None or request.connection is None):
            continue
        if request.connection is not None and error.cid == request.connection:
            return "connection"
        if request.connection is None and error.client == request.client:
            return "client"
    return None


def _same_target(error: ErrorRecord, request: Request) -> bool:
    return request.path is not None and f" {request.path} " in f"{error.request or ''} "


def _others(
    own: Sequence[Mention], found: Sequence[Mention], files: Sequence[Held], zone: tzinfo, read: Read
) -> list[Request]:
    """Return the other requests of the same logs that ended in the second of one of the errors."""
    seconds = {int(mention.at) for mention in found if mention.at is not None}
    needles = sorted({text for second in seconds for text in _written(second, zone)})
    logs, places = {mention.path for mention in own}, {(mention.path, mention.line) for mention in own}
    return [
        request
        for file in files
        if str(file.path) in logs
        for number, line in lines(file, needles, [])
        if (str(file.path), number) not in places and (request := read(line)) is not None
    ]


def _written(second: int, zone: tzinfo) -> tuple[bytes, ...]:
    """Return how `$time_local`, `$time_iso8601` and `$msec` write a second."""
    at = clock_face(second, zone)
    local = f"{at:%d}/{_MONTHS[at.month - 1]}/{at:%Y:%H:%M:%S}"
    return local.encode(), f"{at:%Y-%m-%dT%H:%M:%S}".encode(), b"%d." % second


def _shared(error: ErrorRecord | None, own: Sequence[Mention], others: Sequence[Request]) -> bool:
    """Tell whether an error can be about another request as well."""
    if error is None:
        return False
    numbered = any(mention.request and mention.request.connection == error.cid for mention in own)
    for other in others:
        same = other.connection == error.cid if numbered else other.client == error.client
        if same and int(other.at) == error.at and (error.request is None or _same_target(error, other)):
            return True
    return False
