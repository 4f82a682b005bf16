"""Log files to lines: plain or compressed, whole or only the newest part, and the rotated set of a log.

Everything above this module works on lines; here is the only place of the room that opens a file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from opskit.logs.refusal import LogError, Truncated, explained, irregular
from opskit.logs.unpack import SUFFIXES, kind, unpacked
from opskit.model.message import Message

__all__ = ["LogError", "Tail", "Truncated", "blocks", "identity", "lines", "members", "opened", "sets", "tail"]

MAX_LINE = 1 << 20
_BLOCK = 1 << 18
_SLACK_S = 60.0  # access logs are written at the end of requests and in per-worker buffers: not in order
_NUMBERED = re.compile(r"\.([0-9]{1,6})(?:\.(?:gz|bz2|xz|zst))?")
_DATED = re.compile(r"[-.]([0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[-_T.]?[0-9]{2,6})?)(?:\.(?:gz|bz2|xz|zst))?")


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


def blocks(path: Path | str) -> Iterator[bytes]:
    """Yield the file in pieces of whole lines, each at most 1 MiB long; the last may lack its line end."""
    rest, skipping = b"", False
    try:
        for chunk in _chunks(Path(path)):
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


def _chunks(path: Path) -> Iterator[bytes]:
    with opened(path) as raw:
        compression = kind(path, raw.fileno())
        if compression is not None:
            yield from unpacked(path, raw, compression)
            return
        while chunk := raw.read(_BLOCK):
            yield chunk


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file. O_NONBLOCK keeps the open of a FIFO without a writer from waiting for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
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


def members(path: Path | str) -> list[Path]:
    """Return the rotated set of a log, oldest first and the log itself last; [path] where nothing of it exists.

    Knows `NAME.N`, `NAME-DATE` and `NAME.DATE`, each also compressed; of a rotation that is just being compressed
    (`.1` and `.1.gz`) only the plain file, which is the complete one.
    """
    path = Path(path)
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except FileNotFoundError:
        return [path]
    except (OSError, ValueError) as error:
        raise LogError(explained(path.parent, error)) from error
    kept: dict[tuple[int, int, str], Path] = {}
    for name in names:
        age = _age(name, path.name)
        if age is not None:
            kept.setdefault(age, path.parent / name)  # sorted: the plain name comes before its compressed twin
    return [kept[age] for age in sorted(kept)] or [path]


def sets(paths: Iterable[Path | str]) -> Iterator[tuple[Path, Message | None]]:
    """Yield the files that some paths stand for, with their rotated members, oldest first, and every file once.

    A folder that cannot be listed may hide members: it is yielded with its error, lest a part pass for the whole. Of a
    file and its compressed copy, as they stand side by side while logrotate works, only the file is yielded.
    """
    named = list(map(Path, paths))
    plain = {path for path in named if path.suffix not in SUFFIXES}
    seen = set[tuple[int, int]]()
    for log in named:
        try:
            found = members(log)
        except LogError as hidden:
            found = [log]
            if identity(log) is not None:  # otherwise its reading says what is wrong
                yield log.parent, hidden.message
        for path in [*(path for path in found if path != log), log]:
            same = identity(path)
            if same in seen or (path.suffix in SUFFIXES and path.with_suffix("") in plain and same is not None):
                continue
            yield path, None
            if same is not None:
                seen.add(same)


def _age(name: str, current: str) -> tuple[int, int, str] | None:
    """Return a key that sorts the members of one log by age, None for other files."""
    if not name.startswith(current):
        return None
    suffix = name[len(current) :]
    if not suffix:
        return 2, 0, ""
    if dated := _DATED.fullmatch(suffix):
        return 0, 0, re.sub("[^0-9]", "", dated[1])
    if numbered := _NUMBERED.fullmatch(suffix):
        return 1, -int(numbered[1]), ""
    return None
