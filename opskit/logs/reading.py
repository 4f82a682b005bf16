"""Paths to what a question collects: each log with its rotated set, only as far as the window reaches, every file once.

All questions to logs go through `read`; what could not be covered is part of the answer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from opskit.logs import files, rotated, window
from opskit.logs.account import Account, Coverage, FileCount, Span, account, counted
from opskit.logs.formats import Format, detect, find
from opskit.logs.pieces import Piece, pieces
from opskit.logs.scan import Question, Wanted
from opskit.logs.spread import LARGE, Task, ask
from opskit.logs.unpack import kind
from opskit.model.message import Message, say

_SLACK_S = 60.0  # Nginx may stamp a line well before it writes it, and never after; clocks of file servers differ
_STREAM_S = 900.0  # gateways may stamp a line with the time at which the request began
_HEAD = 1 << 18
_SAMPLE = 200


class _Member(msgspec.Struct):
    """A file of a set, and what of it is to be read."""

    path: Path
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
    with rotated.held(lambda: _sets(span)) as held:
        found = [member for file in held if (member := _member(file, span, form)).pieces or member.error]
        work = [piece for member in found for piece in member.pieces]
        large = sum(piece.weight for piece in work) > LARGE and not span.show_unparsed
        task = Task(form, wanted if large else None, span.show_unparsed, span.zone)
        parts = ask(question, task, work)
    counts = [
        counted(member.path, [part for part in parts if part.path == member.path], member.error) for member in found
    ]
    older = any(_ended(path, span) for path, _ in rotated.sets(span.paths))
    return account(span, counts, parts, _coverage(span, found, counts, older))


def _coverage(span: Span, found: list[_Member], counts: Sequence[FileCount], older: bool) -> Coverage:
    firsts = [member.first for member in found if member.first is not None]
    first = min(firsts, default=None)
    why = [count.error for count in counts if count.error]
    began = older or (first is not None and span.since is not None and first <= span.since)
    if span.since is not None and not began:
        why.append(say("no file reaches back to the beginning of the window"))
    last = max((member.last for member in found if member.last is not None), default=None)
    if span.since is not None and last is not None and last < span.since:
        written = datetime.fromtimestamp(last, span.zone).isoformat(sep=" ", timespec="seconds")
        why.append(say("the newest line is of {at}; nothing was written in the window", at=written))
    return Coverage(not why, first, tuple(why))


def _sets(span: Span) -> list[tuple[Path, Message | None]]:
    """Return the files that the paths stand for, and folders that hide some with their errors.

    A member last written before the window has no line of it, and is not opened.
    """
    return [(path, hidden) for path, hidden in rotated.sets(span.paths) if hidden or not _ended(path, span)]


def _ended(path: Path, span: Span) -> bool:
    """Tell whether a rotated file was last written before the window."""
    if span.since is None or path in map(Path, span.paths):
        return False
    try:
        return path.stat().st_mtime < span.since - _SLACK_S
    except OSError:
        return False


def _member(file: rotated.Held, span: Span, form: Format | None) -> _Member:
    """Find out which part of a file the window can reach."""
    member = _Member(file.path, [], file.hidden)
    if file.hidden is not None:
        return member
    try:
        member.pieces = _reached(member, file.at, span, form)
    except files.LogError as unreadable:
        member.error = unreadable.message
    return member


def _reached(member: _Member, at: Path | None, span: Span, form: Format | None) -> list[Piece]:
    path = member.path
    if span.since is None and span.until is None:
        return pieces(path, at)
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
        if compression is not None:
            return pieces(path, at)
        member.last = window.last_time(descriptor, size, stamp)
        begin, end = window.span(descriptor, size, span.since, span.until, stamp, slack)
    return pieces(path, at, begin, end)


def _stamp(form: Format) -> window.Stamp:
    def stamp(line: bytes) -> float | None:
        request = form.parse(line)
        return request.at if request is not None and not math.isnan(request.at) else None

    return stamp


def _head(path: Path, at: Path | None, descriptor: int, compression: str | None) -> list[bytes]:
    """Return the first lines of a file, of which a truncated one may begin with NULs."""
    data = next(window.data(descriptor, 0) if compression is None else files.blocks(path, at), b"")
    return [line.lstrip(b"\0").removesuffix(b"\r") for line in data[:_HEAD].split(b"\n")[:_SAMPLE]]
