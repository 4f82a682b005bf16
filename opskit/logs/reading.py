"""Paths to what a question collects: each log with its rotated set, only as far as the window reaches, every file once.

All questions to logs go through `read`; what could not be covered is part of the answer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import tzinfo
from pathlib import Path

import msgspec

from opskit.logs import files, rotated, window
from opskit.logs.account import Account, Coverage, FileCount, Span, account, counted
from opskit.logs.formats import Format, detect, find
from opskit.logs.pieces import Piece, pieces
from opskit.logs.scan import Question
from opskit.logs.spread import LARGE, Task, ask
from opskit.logs.unpack import kind
from opskit.logs.wanted import Wanted
from opskit.model.clock_face import clock_face
from opskit.model.message import Message, say

_SLACK_S = 60.0  # Nginx may stamp a line well before it writes it, and never after; clocks of file servers differ
_STREAM_S = 900.0  # gateways may stamp a line with the time at which the request began
_HEAD = 1 << 18
_SAMPLE = 200


class _Member(msgspec.Struct):
    """A file of the set of a log, and what of it is to be read."""

    path: Path
    log: Path
    pieces: list[Piece] = []
    error: Message | None = None
    first: float | None = None
    last: float | None = None


def read(span: Span, question: Question, wanted: Wanted | None = None) -> Account:
    """Let a new question collect, and return the account of the reading.

    A file that cannot be read is named with its error and does not stop the others. ValueError names a format that is
    not known.
    """
    form = None if span.format == "auto" else find(span.format, span.zone)
    if span.state is not None:
        from opskit.logs.reading_on import read_on

        return read_on(span, span.state, question, form)
    with rotated.held(lambda: _open(span)) as held:
        ended = _ended(rotated.sets(span.paths), span)
        known = _ordered([_member(file, span, form) for file in held])
        past = [member.path for member in known if member.path in ended and _past(member, known, span)]
        found = [member for member in known if member.error or (member.pieces and member.path not in past)]
        work = [piece for member in found for piece in member.pieces]
        large = sum(piece.weight for piece in work) > LARGE and not span.show_unparsed
        task = Task(form, wanted if large else None, span.show_unparsed, span.zone)
        parts = ask(question, task, work)
    counts = [
        counted(member.path, [part for part in parts if part.path == member.path], member.error) for member in found
    ]
    return account(span, counts, parts, _coverage(span, known, counts, {log for log, sure in ended.values() if sure}))


def _coverage(span: Span, known: Sequence[_Member], counts: Sequence[FileCount], older: Collection[Path]) -> Coverage:
    """Return how far the logs reach; of those in `older` there are files from before the window."""
    why = [count.error for count in counts if count.error]
    if span.since is not None:
        for log in dict.fromkeys(member.log for member in known):
            own = [member for member in known if member.log == log]
            why += _short(log, own, span.since, span.zone, log in older)
    first = min((member.first for member in known if member.first is not None), default=None)
    return Coverage(not why, first, tuple(why))


def _short(log: Path, own: Sequence[_Member], since: float, zone: tzinfo, older: bool) -> Iterator[Message]:
    """Yield what a log lacks of the window."""
    if not older and not any(member.first is not None and member.first <= since for member in own):
        yield say("{path}: no file reaches back to the beginning of the window", path=str(log))
    last = max((member.last for member in own if member.last is not None), default=None)
    if last is not None and last < since:
        at = clock_face(last, zone).isoformat(sep=" ", timespec="seconds")
        yield say("{path}: the newest line is of {at}; nothing was written in the window", path=str(log), at=at)


def _open(span: Span) -> list[rotated.Listed]:
    """Return what the paths stand for, without the files that surely ended before the window: they stay closed."""
    listed = list(rotated.sets(span.paths))
    ended = _ended(listed, span)
    return [file for file in listed if file.path not in ended or not ended[file.path][1]]


def _ended(listed: Iterable[rotated.Listed], span: Span) -> dict[Path, tuple[Path, bool]]:
    """Return the rotated files last written before the window, each with its log.

    That is not sure where an older file of the set was written later: then times of modification are not to be trusted.
    """
    ended: dict[Path, tuple[Path, bool]] = {}
    newest: dict[Path, float] = {}
    for file in listed if span.since is not None else ():
        at = _written(file.path) if file.hidden is None else None
        if at is None or span.since is None:
            continue
        if file.path != file.log and at < span.since - _SLACK_S:
            ended[file.path] = file.log, at >= newest.get(file.log, at)
        newest[file.log] = max(at, newest.get(file.log, at))
    return ended


def _written(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except (OSError, ValueError):
        return None


def _past(member: _Member, known: Sequence[_Member], span: Span) -> bool:
    """Tell whether a younger file of the set began before the window."""
    first, since = member.first, span.since
    if first is None or since is None:
        return False
    begun = (other.first for other in known if other.log == member.log and other.first is not None)
    return any(first < at <= since - _STREAM_S for at in begun)


def _ordered(members: Sequence[_Member]) -> list[_Member]:
    """Return the files of each log in the order of their first lines; one without a time stays behind its neighbour."""
    logs = list(dict.fromkeys(member.log for member in members))
    places = list[tuple[int, float]]()
    reached: dict[Path, float] = {}
    for member in members:
        at = reached.get(member.log, -math.inf) if member.first is None else member.first
        reached[member.log] = at
        places.append((logs.index(member.log), at))
    order = sorted(range(len(members)), key=places.__getitem__)
    return [members[index] for index in order]


def _member(file: rotated.Held, span: Span, form: Format | None) -> _Member:
    """Find out which part of a file the window can reach."""
    member = _Member(file.path, file.log, [], file.hidden)
    if file.hidden is not None:
        return member
    try:
        member.pieces = _reached(member, file.at, span, form)
    except files.LogError as unreadable:
        member.error = unreadable.message
    return member


def _reached(member: _Member, at: Path | None, span: Span, form: Format | None) -> list[Piece]:
    path = member.path
    with files.opened(path, at) as raw:
        descriptor = raw.fileno()
        compression = kind(path, descriptor)
        size = os.fstat(descriptor).st_size
        head = _head(path, at, descriptor, compression)
        form = form or detect(head, span.zone)
        if form is None:
            return pieces(path, at)
        slack = _SLACK_S if form.in_order else _STREAM_S
        stamp = _stamp(form)
        member.first = next(filter(None, map(stamp, head)), None)
        if span.until is not None and member.first is not None and member.first >= span.until + slack:
            member.first = None
            return []
        if compression is not None or (span.since is None and span.until is None):
            return pieces(path, at, form)
        member.last = window.last_time(descriptor, size, stamp)
        begin, end = window.span(descriptor, size, span.since, span.until, stamp, slack)
    return pieces(path, at, form, begin, end)


def _stamp(form: Format) -> window.Stamp:
    def stamp(line: bytes) -> float | None:
        request = form.parse(line)
        return request.at if request is not None and not math.isnan(request.at) else None

    return stamp


def _head(path: Path, at: Path | None, descriptor: int, compression: str | None) -> list[bytes]:
    """Return the first lines of a file, of which a truncated one may begin with NULs."""
    try:
        data = next(window.data(descriptor, 0) if compression is None else files.blocks(path, at), b"")
    except files.Truncated:  # its reading says so, and gives what is there
        return []
    return [line.lstrip(b"\0").removesuffix(b"\r") for line in data[:_HEAD].split(b"\n")[:_SAMPLE]]
