"""The part of a plain log that a window of time can be in, found by bisection: a 5 GB file costs thirty small reads.

Lines of a log are nearly in order: each worker of Nginx writes its own buffer, and requests are stamped when they end
or when they begin. `slack` is how many seconds later a line may stand behind a younger one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

Stamp = Callable[[bytes], float | None]
_CLOSE = 1 << 16
_PROBE = 1 << 16
_FAR = 1 << 21


def span(
    descriptor: int, size: int, since: float | None, until: float | None, stamp: Stamp, slack: float
) -> tuple[int, int]:
    """Return two offsets at beginnings of lines between which all lines from `since` up to `until` stand.

    Times are epoch seconds. Where no time can be found near an offset, more is kept rather than less.
    """
    begin, end = 0, size
    if since is not None:
        begin, _ = _bisected(descriptor, 0, size, since - slack, stamp, unknown=True)
        begin = _line_after(descriptor, begin, size) if begin else 0
    if until is not None:
        _, end = _bisected(descriptor, begin, size, until + slack, stamp, unknown=False)
        end = _line_after(descriptor, end, size) if end < size else size
    return begin, max(begin, end)


def _bisected(descriptor: int, low: int, high: int, limit: float, stamp: Stamp, unknown: bool) -> tuple[int, int]:
    """Return offsets: before the first the lines are older than `limit`, behind the second none is."""
    while high - low > _CLOSE:
        middle = (low + high) // 2
        at = first_time(descriptor, middle, stamp)
        if unknown if at is None else at >= limit:
            high = middle
        else:
            low = middle
    return low, high


def first_time(descriptor: int, at: int, stamp: Stamp) -> float | None:
    """Return the time of the first line behind `at` that has one, None where the next 2 MiB of data show none."""
    start = at
    for piece in data(descriptor, at):
        lines = piece.split(b"\n")
        # The first piece may be the end of a line, the last its beginning; and NULs may stand before a line.
        for line in lines[1 if start else 0 : -1]:
            if (found := stamp(line.lstrip(b"\0").removesuffix(b"\r"))) is not None:
                return found
        start = 1
    return None


def last_time(descriptor: int, size: int, stamp: Stamp) -> float | None:
    """Return the time of the last line that has one, None where the last 64 KiB show none."""
    piece = os.pread(descriptor, _PROBE, max(0, size - _PROBE))
    times = (stamp(line.removesuffix(b"\r")) for line in reversed(piece.split(b"\n")))
    return next((at for at in times if at is not None), None)


def data(descriptor: int, at: int) -> Iterator[bytes]:
    """Yield overlapping pieces of what is really there: holes of a sparse file are passed over."""
    read = 0
    while read < _FAR:
        try:
            at = os.lseek(descriptor, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return
        piece = os.pread(descriptor, _PROBE, at)
        if not piece:
            return
        yield piece
        kept = piece.rfind(b"\n") + 1
        at += max(kept - 1, 1) if kept > 1 else len(piece)
        read += len(piece)


def _line_after(descriptor: int, at: int, size: int) -> int:
    """Return where the first line begins that does not begin before `at`."""
    at -= 1
    while at < size:
        piece = os.pread(descriptor, _PROBE, at)
        found = piece.find(b"\n")
        if found >= 0 or not piece:
            return min(at + found + 1, size) if piece else size
        at += len(piece)
    return size
