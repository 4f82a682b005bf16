"""Log files to lines: plain or compressed, whole or only the newest part.

Everything above this module works on lines; here is the only place of the room that opens a file.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from opskit.logs.refusal import LogError, Truncated, explained, irregular
from opskit.logs.unpack import kind, unpacked

__all__ = ["FLAGS", "LogError", "Tail", "Truncated", "blocks", "identity", "lines", "make_room", "opened", "tail"]

MAX_LINE = 1 << 20
_BLOCK = 1 << 18
_SPARE = 128
_SLACK_S = 60.0  # access logs are written at the end of requests and in per-worker buffers: not in order
FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY  # a FIFO without a writer must not make us wait


class Tail(msgspec.Struct, frozen=True):
    """The newest part of a file: whole lines but perhaps the last.

    `first_line` is the number of the first line in `data`; `complete` is False where the size limit stopped the
    reading before the time did.
    """

    data: bytes
    first_line: int
    complete: bool


def lines(path: Path | str) -> Iterator[tuple[int, bytes]]:
    """Yield `(number, line)` from 1, without LF or CRLF, of a plain or compressed file.

    Of a line longer than 1 MiB only the first MiB is kept. Raises LogError where the file cannot be read at all, and
    Truncated after the last readable line of a damaged compressed file.
    """
    number = 0
    for block in blocks(path):
        for line in block.removesuffix(b"\n").split(b"\n"):
            number += 1
            yield number, line.removesuffix(b"\r")


def blocks(path: Path | str, at: Path | None = None) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines, each at most 1 MiB long; the last may lack its line end.

    `at` is where it is held open.
    """
    rest, skipping = b"", False
    try:
        for chunk in _chunks(Path(path), at):
            first = chunk.find(b"\n")
            if first < 0:
                rest = rest if skipping else rest + chunk
                skipping = len(rest) > MAX_LINE
                rest = rest[: MAX_LINE + 1]
                continue
            end = chunk.rfind(b"\n") + 1
            yield (rest + chunk[:first])[:MAX_LINE] + chunk[first:end]
            rest, skipping = chunk[end:], False
    except Truncated:
        if rest:
            yield rest[:MAX_LINE]
        raise
    if rest:
        yield rest[:MAX_LINE]


def _chunks(path: Path, at: Path | None) -> Iterator[bytes]:
    with opened(path, at) as raw:
        compression = kind(path, raw.fileno())
        if compression is not None:
            yield from unpacked(path, raw, compression)
            return
        while chunk := raw.read(_BLOCK):
            yield chunk


@contextmanager
def opened(path: Path, at: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a regular file, `at` being where it is held open."""
    try:
        descriptor = os.open(at or path, FLAGS)
    except (OSError, ValueError) as error:
        raise LogError(explained(path, error)) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise LogError(irregular(path, mode))
        with os.fdopen(descriptor, "rb", buffering=0, closefd=False) as raw:
            yield raw
    except OSError as error:
        raise LogError(explained(path, error)) from error
    finally:
        os.close(descriptor)


def make_room(number: int) -> None:
    """Let this process hold so many files open at once, as far as it may: a set can have thousands."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + _SPARE if hard == resource.RLIM_INFINITY else min(number + _SPARE, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def identity(path: Path | str) -> tuple[int, int] | None:
    """Return device and inode of a file, None where there is none: two names of one file must not count twice."""
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def tail(path: Path | str, since: float | None, cap_bytes: int, stamp: Callable[[bytes], float | None]) -> Tail:
    """Return the newest lines of a plain file, back to `since` (epoch seconds, less 60 s) or at most `cap_bytes`.

    Reads backwards in blocks, so lines from before `since` may come along at the front. `stamp` gives the time of a
    line or None. Without `since` everything within the limit is returned.
    """
    with opened(Path(path)) as raw:
        size = os.fstat(raw.fileno()).st_size
        floor = max(0, size - cap_bytes)
        start, pieces, enough = size, list[bytes](), False
        while start > floor and not enough:
            begin = max(floor, start - _BLOCK)
            pieces.append(_read(raw, begin, start))
            enough = since is not None and _reaches(pieces[-1], begin > 0, since - _SLACK_S, stamp)
            start = begin
        data = b"".join(reversed(pieces))
        if start > 0 and _read(raw, start - 1, start) != b"\n":
            skip = data.find(b"\n") + 1
            data, start = data[skip:], start + skip
        return Tail(data, _newlines(raw, start) + 1, enough or start == 0)


def _reaches(block: bytes, partial: bool, limit: float, stamp: Callable[[bytes], float | None]) -> bool:
    """Tell whether the first line of a block that has a time is older than `limit`."""
    whole = block.split(b"\n")[1 if partial else 0 :]
    times = (stamp(line.removesuffix(b"\r")) for line in whole)
    first = next((at for at in times if at is not None), None)
    return first is not None and first < limit


def _read(raw: IO[bytes], begin: int, end: int) -> bytes:
    found = list[bytes]()
    while begin < end and (piece := os.pread(raw.fileno(), end - begin, begin)):
        found.append(piece)
        begin += len(piece)
    return b"".join(found)


def _newlines(raw: IO[bytes], end: int) -> int:
    return sum(_read(raw, at, min(at + _BLOCK, end)).count(b"\n") for at in range(0, end, _BLOCK))
