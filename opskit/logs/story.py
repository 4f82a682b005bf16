"""Everything that a set of logs says about one request: by its id, by Nginx's connection, and, marked so, by time.

Lines are found by their bytes, so any format will do; what the line is, is asked afterwards.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta, timezone, tzinfo
from itertools import chain, islice
from pathlib import Path
from typing import Literal

import msgspec
import stringzilla

from opskit.logs import files, gin, nginx_error, rotated
from opskit.logs.envelope import unwrap
from opskit.logs.formats import precise_first
from opskit.logs.nginx_error import ErrorRecord
from opskit.logs.outcome import outcomes
from opskit.logs.redact import redact
from opskit.logs.request import Request
from opskit.model.message import Message, say

Tie = Literal["id", "connection", "client", "text", "time"]
MOST = 1000
_LAYERS = {
    **dict.fromkeys(("combined", "ingress-nginx"), "nginx"),
    **dict.fromkeys(("gateway", "logfmt"), "gateway"),
    "ollama": "ollama",
    "tslog": "clawdbot",
}
_SLACK_S = 2.0
_CLOSE_S = 0.05
_MOST_MINUTES = 120
_MSEC = re.compile(rb"\bmsec=(\d{9,11}\.\d{3})\b")
_SHOWN = 1000
_OFFSET = re.compile(rb"\d\d:\d\d:\d\d ([+-])(\d\d)(\d\d)\]")


class Mention(msgspec.Struct, frozen=True):
    """A line about the request. `tie` tells what connects it: only `id` and `connection` are certain.

    `at` is in epoch seconds, None where the line names no time; `layer` is `nginx`, `nginx-error`, `gateway`, `ollama`,
    `clawdbot` or `other`; `text` is the line, cut and without secrets.
    """

    path: str
    line: int
    at: float | None
    layer: str
    tie: Tie
    text: str
    request: Request | None = None
    error: ErrorRecord | None = None


class Story(msgspec.Struct, frozen=True):
    """The mentions in the order of time, what the request came to, and what could not be read."""

    request_id: str
    mentions: tuple[Mention, ...]
    outcomes: tuple[Message, ...]
    files: tuple[str, ...]
    problems: tuple[Message, ...]


def find(request_id: str, paths: Sequence[Path | str], zone: tzinfo = UTC, by_time: bool = False) -> Story:
    """Look for a request in logs and their rotated sets. ValueError where the id cannot be one.

    `zone` is for logs that name none, such as Nginx's error log where no access log tells its zone. With `by_time`
    lines of Ollama that fit in time come along, which is no proof.
    """
    if not request_id.strip() or len(request_id) > 200 or not request_id.isprintable():
        raise ValueError(f"request id: {request_id[:50]!r}; expected up to 200 printable characters")
    problems = list[Message]()
    members = list(_members(paths, problems))
    needles = {request_id.encode("utf-8", "surrogateescape"), json.dumps(request_id)[1:-1].encode()}
    hits = chain.from_iterable(_lines(path, sorted(needles), problems) for path in members)
    lines = list(islice(hits, MOST))
    named = [_told(path, number, line, request_id, zone) for path, number, line in lines]
    own = [mention for mention in named if mention.tie == "id" and mention.request]
    local = next((zone_of(line) for *_, line in lines if zone_of(line)), None) or zone
    beside = _beside(own, members, local, problems, {(mention.path, mention.line) for mention in named})
    if by_time and own:
        beside += _same_time(own, members, local, problems)
    mentions = sorted([*named, *beside], key=lambda mention: (mention.at is None, mention.at or 0.0))
    if len(lines) >= MOST:
        problems.append(say("more than {n} lines contain this id; the rest is left out", n=MOST))
    # An id in the text of an error is what some client sent: it proves nothing against this request.
    errors = [mention.error for mention in mentions if mention.error and mention.tie in {"connection", "client"}]
    said = [message for mention in own if mention.request for message in outcomes(mention.request, errors)]
    return Story(request_id, tuple(mentions), _once(said), tuple(map(str, members)), _once(problems))


def _once(messages: Sequence[Message]) -> tuple[Message, ...]:
    return tuple({str(message): message for message in messages}.values())


def _members(paths: Sequence[Path | str], problems: list[Message]) -> Iterator[Path]:
    for path, hidden in rotated.sets(paths):
        if hidden is not None:
            problems.append(hidden)
        else:
            yield path


def _lines(path: Path, needles: Sequence[bytes], problems: list[Message]) -> Iterator[tuple[Path, int, bytes]]:
    """Yield the lines that contain one of some texts, with their numbers."""
    before = 0
    try:
        for block in files.blocks(path):
            hits = {block.rfind(b"\n", 0, at) + 1 for needle in needles for at in _places(block, needle)}
            for begin in sorted(hits):
                end = block.find(b"\n", begin)
                line = block[begin : end if end >= 0 else len(block)].removesuffix(b"\r")
                yield path, before + stringzilla.count(block, b"\n", 0, begin) + 1, line
            before += stringzilla.count(block, b"\n")
    except files.LogError as stopped:
        problems.append(stopped.message)


def _places(block: bytes, needle: bytes) -> Iterator[int]:
    find = stringzilla.Str(block).find
    at = find(needle)
    while at >= 0:
        yield at
        at = find(needle, at + len(needle))


def _told(path: Path, number: int, line: bytes, request_id: str, zone: tzinfo) -> Mention:
    """Find out what a line is that contains the id."""
    shown = _shown(line)
    error = nginx_error.parse(line, zone)
    if error is not None:
        return Mention(str(path), number, error.at, "nginx-error", "text", shown, None, error)
    for form in precise_first(zone):
        request = form.parse(line) if form.likely(line) else None
        if request is not None:
            at, layer = _exact(request, line), _LAYERS.get(form.name, "other")
            tie: Tie = "id" if request.request_id == request_id else "text"
            return Mention(str(path), number, at, layer, tie, shown, request if request.event != "other" else None)
    return Mention(str(path), number, unwrap(line.decode("utf-8", "replace"), zone).at, "other", "text", shown)


def _exact(request: Request, line: bytes) -> float | None:
    """Return when the line was written: `$msec` where it is logged beside `$time_local`, which has no fraction."""
    found = _MSEC.search(line)
    exact = float(found[1]) if found else request.at
    return None if math.isnan(request.at) else exact if abs(exact - request.at) <= 1.0 else request.at


def zone_of(line: bytes) -> tzinfo | None:
    """Return the offset that an access line names: Nginx's error log is in the same zone and does not say so."""
    match = _OFFSET.search(line)
    if match is None:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == b"-" else offset) if offset < timedelta(hours=24) else None


def _spans(own: Sequence[Mention]) -> list[tuple[Request, float, float]]:
    """Return when each request can have been under way."""
    found = [(mention.request, mention.request.at) for mention in own if mention.request]
    return [(request, at - (request.duration_s or 0.0) - _SLACK_S, at + _SLACK_S) for request, at in found]


def _beside(
    own: Sequence[Mention], members: Sequence[Path], zone: tzinfo, problems: list[Message], known: set[tuple[str, int]]
) -> list[Mention]:
    """Return the error-log lines of the same connections, or of the same client and target where none is logged."""
    spans = _spans([mention for mention in own if mention.layer == "nginx"])
    needles = {b"*%d " % request.connection for request, *_ in spans if request.connection is not None}
    needles |= {f"client: {request.client}, ".encode() for request, *_ in spans if request.client}
    if not needles:
        return []
    found = list[Mention]()
    for path in members:
        for _, number, line in _lines(path, sorted(needles), problems):
            error = nginx_error.parse(line, zone)
            tie = _tied(error, spans) if error and (str(path), number) not in known else None
            if error is not None and tie is not None:
                found.append(Mention(str(path), number, error.at, "nginx-error", tie, _shown(line), None, error))
    return found


def _tied(error: ErrorRecord, spans: Sequence[tuple[Request, float, float]]) -> Tie | None:
    for request, begin, end in spans:
        # Requests share a connection, one after another or as HTTP/2 streams: the target has to be the same too.
        same = request.path is not None and f" {request.path} " in f"{error.request or ''} "
        if not begin <= error.at <= end or not (same or (error.request is None and request.connection is not None)):
            continue
        if request.connection is not None and error.cid == request.connection:
            return "connection"
        if request.connection is None and error.client == request.client:
            return "client"
    return None


def _same_time(own: Sequence[Mention], members: Sequence[Path], zone: tzinfo, problems: list[Message]) -> list[Mention]:
    """Return Ollama's answers that can have begun and ended while the request was under way.

    The gateway's times are the closest to Ollama's; gin cuts the second at which an answer ended.
    """
    ended = [mention for mention in own if mention.request and mention.request.duration_s is not None]
    layers = {mention.layer for mention in ended}
    told = [mention for mention in ended if mention.layer == "gateway" or "gateway" not in layers]
    slack = _CLOSE_S if "gateway" in layers else 1.0
    spans = [(m.request.at - (m.request.duration_s or 0.0) - slack, m.request.at + slack) for m in told if m.request]
    minutes = sorted({minute for begin, end in spans for minute in range(int(begin - 1) // 60, int(end) // 60 + 1)})
    if not minutes or len(minutes) > _MOST_MINUTES:
        return []
    found = list[Mention]()
    for path in members:
        for _, number, line in _lines(path, [gin.minute(minute * 60, zone) for minute in minutes], problems):
            access = gin.read(line.decode("utf-8", "replace"))
            request = gin.request(access, zone) if access and access.method == "POST" else None
            if request and any(_fits(request, begin, end) for begin, end in spans):
                found.append(Mention(str(path), number, request.at, "ollama", "time", _shown(line), request))
    return found


def _fits(request: Request, begin: float, end: float) -> bool:
    return max(request.at, begin + (request.duration_s or 0.0)) <= min(request.at + 1.0, end)


def _shown(line: bytes) -> str:
    return redact(line[: 16 * _SHOWN].decode("utf-8", "surrogateescape"))[:_SHOWN]
