"""Files in pieces of whole lines: what one process reads at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import msgspec

from opskit.logs import files
from opskit.logs.form import Format
from opskit.logs.refusal import shrunk
from opskit.logs.unpack import kind

SHARED = 8 << 20  # smaller work is not worth a second process
_HOLE = bytes(4096)
_PACKED = 8  # compressed bytes weigh more
_NEAR = 1 << 20  # read at once: what is looked at five times should still be in a cache then


class Piece(msgspec.Struct, frozen=True):
    """Bytes `begin` to `end` of a plain file, which both follow a line end; `end` None for a compressed file.

    `at` is where the file is held open, `guess` the format that its beginning has. Of a compressed file every block
    whose number is `turn` modulo `turns`: to unpack it costs less than to read the lines.
    """

    path: Path
    begin: int
    end: int | None
    at: Path | None = None
    guess: Format | None = None
    turn: int = 0
    turns: int = 1

    @property
    def weight(self) -> int:
        """Tell how much work it is, in bytes of plain text."""
        return self.end - self.begin if self.end is not None else _PACKED * (self.at or self.path).stat().st_size


def pieces(
    path: Path, at: Path | None = None, guess: Format | None = None, begin: int = 0, end: int | None = None
) -> list[Piece]:
    """Cut a file into two pieces, or none if it is small. LogError where it cannot be read."""
    with files.opened(path, at) as raw:
        descriptor = raw.fileno()
        if kind(path, descriptor) is not None:
            return [Piece(path, 0, None, at, guess)]
        stop = os.fstat(descriptor).st_size if end is None else end
        cuts = [begin]
        if stop - begin > SHARED:
            cuts.append(_next_line(descriptor, (begin + stop) // 2, stop))
    return [Piece(path, one, other, at, guess) for one, other in pairwise([*cuts, stop])]


def _next_line(descriptor: int, at: int, stop: int) -> int:
    """Return where the first line after `at` begins."""
    while at < stop:
        chunk = os.pread(descriptor, 1 << 16, at)
        if not chunk:
            break
        found = chunk.find(b"\n")
        if found >= 0:
            return min(at + found + 1, stop)
        at += len(chunk)
    return stop


def blocks(piece: Piece) -> Iterator[tuple[bytes | bytearray, int]]:
    """Yield whole lines as `data[:end]`; a last line without its end gets one."""
    if piece.end is None:
        for block in islice(files.blocks(piece.path, piece.at), piece.turn, None, piece.turns):
            whole = block if block.endswith(b"\n") else block + b"\n"
            yield whole, len(whole)
        return
    with files.opened(piece.path, piece.at) as raw:
        yield from _plain(raw.fileno(), piece.begin, piece.end)
        if os.fstat(raw.fileno()).st_size < piece.end:
            raise files.Truncated(shrunk(piece.path))


def _plain(descriptor: int, begin: int, end: int) -> Iterator[tuple[bytearray, int]]:
    """Read through one buffer. Of a line longer than 1 MiB only the first MiB is kept, as `files.blocks` does."""
    buffer = bytearray(2 * files.MAX_LINE)
    room = memoryview(buffer)
    while begin < end:
        size = os.preadv(descriptor, [room[: min(_NEAR, end - begin)]], begin)
        if buffer.rfind(b"\n", 0, size) < 0 and size == _NEAR:
            size = os.preadv(descriptor, [room[: min(len(buffer) - 1, end - begin)]], begin)
        if size == 0:
            return
        if nuls := _nuls(buffer, size):
            begin = _data(descriptor, begin + nuls)
            continue
        stop = buffer.rfind(b"\n", 0, size) + 1
        if stop == 0:
            stop = min(size, files.MAX_LINE)
            size = _next_line(descriptor, begin, end) - begin
            buffer[stop : stop + 1] = b"\n"
            stop += 1
        else:
            size = stop
        yield buffer, stop
        begin += size


def _nuls(buffer: bytearray, size: int) -> int:
    """Return how many NULs stand before a line, where they are so many that nobody wrote them."""
    if not buffer.startswith(_HOLE, 0, size):
        return 0
    return size - len(bytes(buffer[:size]).lstrip(b"\0"))


def _data(descriptor: int, at: int) -> int:
    """Return where behind `at` a sparse file goes on: a log that was truncated under its writer begins with a hole."""
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA)
    except OSError:
        return at
