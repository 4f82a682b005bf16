"""Everything that a set of logs says about one request: by its id, by Nginx's connection, and, marked so, by time.

Lines are found by their bytes, so any format will do; what the line is, is asked afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, tzinfo
from itertools import islice
from pathlib import Path

import msgspec

from opskit.logs import gin, nginx_error, rotated
from opskit.logs.beside import beside, zone_of
from opskit.logs.carried import carried
from opskit.logs.envelope import unwrap
from opskit.logs.finished import whole
from opskit.logs.formats import find as format_of
from opskit.logs.formats import precise_first
from opskit.logs.mention import Mention, Tie, public, text_of
from opskit.logs.nginx_json import by_nginx, fuller
from opskit.logs.outcome import outcomes, unended
from opskit.logs.redact import redact
from opskit.logs.request import Request
from opskit.logs.rotated import Held
from opskit.logs.sought import Id, lines
from opskit.model.message import Message, say
from opskit.model.regex import regex

MOST = 1000
_LAYERS = {
    **dict.fromkeys(("combined", "ingress-nginx", "nginx-proxy-manager"), "nginx"),
    **dict.fromkeys(("gateway", "logfmt"), "gateway"),
    "ollama": "ollama",
    "tslog": "clawdbot",
    **dict.fromkeys(("journald", "docker", "kernel", "nginx-error"), "other"),
}
_LONGEST = 300
_CLOSE_S = 0.05
_MOST_MINUTES = 120
_MSEC = regex(rb"\bmsec=(\d{9,11}\.\d{3})\b")


class Story(msgspec.Struct, frozen=True):
    """The mentions in the order of time, what the request came to, and what could not be read."""

    request_id: str
    mentions: tuple[Mention, ...]
    outcomes: tuple[Message, ...]
    files: tuple[str, ...]
    problems: tuple[Message, ...]


def find(
    request_id: str,
    paths: Sequence[Path | str],
    zone: tzinfo = UTC,
    by_time: bool = False,
    form: str = "auto",
) -> Story:
    """Look for a request in logs and their rotated sets. ValueError where the id or the format cannot be one.

    `zone` is for logs that name none, such as Nginx's error log where no access log tells its zone. With `by_time`
    lines of Ollama that fit in time come along, which is no proof. `form` is the format of Nginx's access logs.
    """
    wanted = request_id.strip()
    if len(wanted) > 200 or not wanted.isprintable() or not any(map(str.isalnum, wanted)):
        raise ValueError(
            f"request id: {request_id[:50]!r}; expected up to 200 printable characters, one a letter or digit"
        )
    reader = _Reader(wanted, form, zone)
    problems = list[Message]()
    with rotated.held(lambda: rotated.sets(paths)) as held:
        problems += [file.hidden for file in held if file.hidden is not None]
        members = [file for file in held if file.hidden is None]
        found = list(islice(_found(wanted, members, problems), MOST))
        named = [reader.told(*place, zone) for place in found]
        both = list(zip(named, found, strict=True))
        local = next(filter(None, (_offset(mention, line) for mention, (*_, line) in both)), zone)
        mentions = [reader.told(*place, local) if mention.error else mention for mention, place in both]
        own = [mention for mention in mentions if mention.tie == "id" and mention.request]
        nginx = [mention for mention in own if mention.layer == "nginx"]
        known = {(mention.path, mention.line) for mention in mentions}
        mentions += beside(nginx, members, local, lambda line: reader.request(line, local), problems, known)
        if by_time and own:
            mentions += _same_time(own, members, local, problems)
    if len(found) >= MOST:
        problems.append(say("more than {n} lines contain this id; the rest is left out", n=MOST))
    mentions.sort(key=lambda mention: (mention.at is None, mention.at or 0.0))
    files = tuple(str(file.path) for file in members)
    return Story(wanted, tuple(map(public, mentions)), _once(_said(own, mentions)), files, _once(problems))


def _found(wanted: str, members: Sequence[Held], problems: list[Message]) -> Iterator[tuple[str, int, bytes]]:
    sought = Id(wanted)
    for file in members:
        for number, line in sought.lines(file, problems):
            yield str(file.path), number, line


def _offset(mention: Mention, line: bytes) -> tzinfo | None:
    own = mention.layer == "nginx" and mention.tie == "id" and mention.request
    return zone_of(own, line) if own else None


def _said(own: Sequence[Mention], mentions: Sequence[Mention]) -> Iterator[Message]:
    """Yield what the request came to, and what may have come to it or to another."""
    # An id in the text of an error is what some client sent: it proves nothing against this request.
    errors = [mention.error for mention in mentions if mention.error and mention.tie in {"connection", "client"}]
    perhaps = [mention.error for mention in mentions if mention.error and mention.tie == "shared"]
    for mention in own:
        if mention.request and mention.layer != "nginx":
            yield from outcomes(mention.request)
        elif mention.request:
            yield from (said := outcomes(mention.request, errors))
            for error in perhaps:
                if outcomes(mention.request, [*errors, error]) != said:
                    text = redact(error.message)[:_LONGEST]
                    yield say("an error of this request or of another of the same time: {error}", error=text)
    yield from unended([(mention.layer, mention.request) for mention in own if mention.request])


def _once(messages: Iterator[Message] | Sequence[Message]) -> tuple[Message, ...]:
    return tuple({str(message): message for message in messages}.values())


class _Reader:
    """Lines to what they are. The format of Nginx's access logs is tried before those that are known."""

    def __init__(self, request_id: str, form: str, zone: tzinfo) -> None:
        self._id = request_id
        self._first = [] if form == "auto" else [format_of(form, zone)]

    def told(self, path: str, number: int, line: bytes, zone: tzinfo) -> Mention:
        """Return what a line is that contains the id."""
        shown, inner = text_of(line), carried(line)
        error = nginx_error.parse(inner, zone)
        if error is not None:
            return Mention(path, number, error.at, "nginx-error", "text", shown, None, error)
        layer, request = self._read(inner, zone)
        if request is None:
            at = unwrap(line.decode("utf-8", "replace"), zone).at
            return Mention(path, number, at, "other", "text", shown)
        tie: Tie = "id" if request.request_id == self._id else "text"
        known = whole(request, inner) if request.event != "other" else None
        return Mention(path, number, _exact(request, inner), layer, tie, shown, known)

    def request(self, line: bytes, zone: tzinfo) -> Request | None:
        """Return the request of a line."""
        return self._read(carried(line), zone)[1]

    def _read(self, line: bytes, zone: tzinfo) -> tuple[str, Request | None]:
        """Return who wrote a line, and the request in it."""
        for form in (*self._first, *precise_first(zone)):
            request = form.parse(line) if form.likely(line) else None
            if request is None:
                continue
            if form.name == "gateway" and by_nginx(line):
                return "nginx", fuller(request, line)
            return _LAYERS.get(form.name, "nginx"), request  # only logs of Nginx have a format of their own
        return "other", None


def _exact(request: Request, line: bytes) -> float | None:
    """Return when the line was written: `$msec` where it is logged beside `$time_local`, which has no fraction."""
    found = _MSEC.search(line)
    exact = float(found[1]) if found else request.at
    return None if math.isnan(request.at) else exact if abs(exact - request.at) <= 1.0 else request.at


def _same_time(own: Sequence[Mention], members: Sequence[Held], zone: tzinfo, problems: list[Message]) -> list[Mention]:
    """Return Ollama's answers that can have begun and ended while the request was under way.

    The gateway's times are the closest to Ollama's; gin cuts the second at which an answer ended.
    """
    ended = [mention for mention in own if mention.request and mention.request.duration_s is not None]
    layers = {mention.layer for mention in ended}
    told = [mention for mention in ended if mention.layer == "gateway" or "gateway" not in layers]
    slack = _CLOSE_S if "gateway" in layers else 1.0
    spans = [(m.request.at - (m.request.duration_s or 0.0) - slack, m.request.at + slack) for m in told if m.request]
    if any(end - begin > 60 * _MOST_MINUTES for begin, end in spans):
        return []
    minutes = sorted({minute for begin, end in spans for minute in range(int(begin - 1) // 60, int(end) // 60 + 1)})
    if not minutes or len(minutes) > _MOST_MINUTES:
        return []
    found = list[Mention]()
    for file in members:
        for number, line in lines(file, [gin.minute(minute * 60, zone) for minute in minutes], problems):
            access = gin.read(carried(line).decode("utf-8", "replace"))
            request = gin.request(access, zone) if access and access.method == "POST" else None
            if request and any(_fits(request, begin, end) for begin, end in spans):
                found.append(Mention(str(file.path), number, request.at, "ollama", "time", text_of(line), request))
    return found


def _fits(request: Request, begin: float, end: float) -> bool:
    return max(request.at, begin + (request.duration_s or 0.0)) <= min(request.at + 1.0, end)
