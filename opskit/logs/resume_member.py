"""One opened file of a rotated set: its beginning, its lines from any place on, and places found again by content.

An open file stays what it is through renaming, compression and removal; only truncation reaches into it.
"""

from __future__ import annotations

import fcntl
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO

import msgspec

from opskit.logs.files import MAX_LINE, opened
from opskit.logs.refusal import LogError, Truncated, explained, irregular
from opskit.logs.resume_state import Identity, Mark
from opskit.logs.unpack import kind, unpacked
from opskit.model.message import Message

Stamp = Callable[[bytes], float | None]
_HEAD = 1 << 10
_TAIL = 1 << 8
_BEGINNING = 1 << 16
_BLOCK = 1 << 18
_GET_GENERATION = 0x80087601  # FS_IOC_GETVERSION of linux/fs.h: ext4, xfs and btrfs number the lives of an inode


class Trace(msgspec.Struct, frozen=True):
    """A place in a file and the content that tells it: `off` bytes from the start, the first and the last bytes."""

    off: int = 0
    head: bytes = b""
    tail: bytes = b""

    def behind(self, data: bytes) -> Trace:
        """The place after `data`, which follows this one."""
        head = self.head + data[: _HEAD - len(self.head)]
        return Trace(self.off + len(data), head, (self.tail + data[-_TAIL:])[-_TAIL:])

    def mark(self, identity: Identity) -> Mark:
        """The place as it is saved."""
        return Mark(
            head_len=len(self.head),
            head_sha256=sha256(self.head).hexdigest(),
            off=self.off,
            tail_len=len(self.tail),
            tail_sha256=sha256(self.tail).hexdigest(),
            dev=identity.dev,
            ino=identity.ino,
            generation=identity.generation,
        )


class Member(msgspec.Struct, frozen=True):
    """An opened file of the set; the descriptor stays with it. Offsets count decompressed bytes.

    `size` is that of a plain file when it was opened, None for a compressed one. `beginning` is the first 64 KiB, or
    more where that has no whole line. `error` says why the content cannot be read.
    """

    path: Path
    raw: IO[bytes] | None
    identity: Identity | None
    compression: str | None = None
    size: int | None = None
    beginning: bytes = b""
    error: Message | None = None

    @property
    def begun(self) -> bool:
        """Whether a whole line is there."""
        return b"\n" in self.beginning

    def chunks(self, start: int, end: int | None = None) -> Iterator[bytes]:
        """Yield the content from `start` to `end`, or to where it ends. Raises LogError and Truncated."""
        if self.raw is None or self.error is not None:
            raise LogError(self.error or irregular(self.path, 0))
        try:
            if self.compression is None:
                yield from _between(self.raw.fileno(), start, end)
                return
            self.raw.seek(0)
            for chunk in unpacked(self.path, self.raw, self.compression):
                if len(chunk) > start:
                    yield chunk[start:]
                start = max(0, start - len(chunk))
        except OSError as error:
            raise LogError(explained(self.path, error)) from error

    def recall(self, mark: Mark) -> Trace | None:
        """Return the marked place where the content before it is the same, else None.

        Where nothing was before it, it must be the same file in the same life.
        """
        if not mark.off:
            return Trace() if mark.generation and mark.identity == self.identity else None
        if not self.starts_like(mark):
            return None
        at = self.at(mark.off)
        return at if at is not None and sha256(at.tail).hexdigest() == mark.tail_sha256 else None

    def starts_like(self, mark: Mark) -> bool:
        """Whether the file has the head of the marked one."""
        head = self.beginning[: mark.head_len]
        return len(head) == mark.head_len and sha256(head).hexdigest() == mark.head_sha256

    def at(self, off: int) -> Trace | None:
        """Return the place `off` bytes from the start, None where the file ends before."""
        if self.size is not None:
            tail = b"".join(self.chunks(max(0, off - _TAIL), off))
            return Trace(off, self.beginning[: min(_HEAD, off)], tail) if len(tail) == min(_TAIL, off) else None
        place = Trace()
        try:
            for chunk in self.chunks(0):
                place = place.behind(chunk[: off - place.off])
                if place.off == off:
                    return place
        except LogError:
            return None
        return place if place.off == off else None

    def lines(self, at: Trace, end: int | None = None) -> Iterator[tuple[bytes, Trace]]:
        """Yield pieces of whole lines from a place on, each with the place behind it.

        Like `files.blocks`: of a line beyond 1 MiB its first MiB, and the last piece may lack its line end. Raises
        LogError, and Truncated after the last piece of damaged data.
        """
        rest, behind = b"", at
        try:
            for chunk in self.chunks(at.off, end):
                first, stop = chunk.find(b"\n"), chunk.rfind(b"\n") + 1
                if stop:
                    behind = behind.behind(chunk[:stop])
                    yield (rest + chunk[:first])[:MAX_LINE] + chunk[first:stop], behind
                    rest = b""
                rest = (rest + chunk[stop:])[:MAX_LINE]
                behind = behind.behind(chunk[stop:])
        except Truncated:
            if rest:
                yield rest, behind
            raise
        if rest:
            yield rest, behind

    def last(self, closed: bool) -> Trace:
        """Return the place behind the last line, also behind one without a line end in a `closed` file."""
        if self.size is not None:
            return self.at(self.size if closed else self._last_newline(self.size)) or Trace()
        place = Trace()
        try:
            for piece, behind in self.lines(place):
                place = behind if closed or piece.endswith(b"\n") else place
        except LogError:
            return place
        return place

    def _last_newline(self, size: int) -> int:
        for start in range(max(0, size - _BLOCK), -_BLOCK, -_BLOCK):
            found = b"".join(self.chunks(max(0, start), start + _BLOCK)).rfind(b"\n")
            if found >= 0:
                return max(0, start) + found + 1
        return 0

    def first_time(self, stamp: Stamp) -> float | None:
        """Return the time of the first line that has one, in epoch seconds; only the beginning is looked at."""
        return first_time(stamp, self.beginning.split(b"\n"))

    def last_time(self, end: int, stamp: Stamp) -> float | None:
        """Return the time of the last line before `end` that has one; at most 64 KiB are looked at."""
        start = max(0, end - _BEGINNING)
        try:
            return last_time(stamp, b"".join(self.chunks(start, end)))
        except LogError:
            return None


def first_time(stamp: Stamp, lines: Iterable[bytes]) -> float | None:
    """Return the first time that any of the lines has."""
    times = (stamp(line.removesuffix(b"\r")) for line in lines)
    return next((at for at in times if at is not None), None)


def last_time(stamp: Stamp, block: bytes) -> float | None:
    """Return the last time in the last 64 KiB of a block of lines, of which the first may be cut."""
    *others, first = reversed(block[-_BEGINNING:].split(b"\n"))
    return first_time(stamp, others if len(block) >= _BEGINNING else (*others, first))


def _between(descriptor: int, start: int, end: int | None) -> Iterator[bytes]:
    while chunk := os.pread(descriptor, _BLOCK if end is None else min(_BLOCK, end - start), start):
        yield chunk
        start += len(chunk)


def open_member(path: Path) -> Member:
    """Open a file of the set. The caller closes `raw`. Raises LogError only where the file is not there any more."""
    try:
        with opened(path) as handle:
            # The reader's own errors must not pass through `opened`, which would call them errors of this file.
            raw = io.FileIO(os.dup(handle.fileno()))
    except LogError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise
        return Member(path, None, None, error=error.message)
    found = os.fstat(raw.fileno())
    opened_as = Member(path, raw, Identity(found.st_dev, found.st_ino, _generation(raw)), size=found.st_size)
    try:
        compression = kind(path, raw.fileno())
        if compression is not None:
            opened_as = msgspec.structs.replace(opened_as, compression=compression, size=None)
        return msgspec.structs.replace(opened_as, beginning=_beginning(opened_as))
    except LogError as error:
        return msgspec.structs.replace(opened_as, error=error.message)


def _generation(raw: IO[bytes]) -> int:
    try:
        return int.from_bytes(fcntl.ioctl(raw.fileno(), _GET_GENERATION, bytes(8))[:4], sys.byteorder)
    except OSError:
        return 0


def _beginning(member: Member) -> bytes:
    found = b""
    try:
        for chunk in member.chunks(0, member.size):
            found += chunk
            if len(found) >= _BEGINNING and b"\n" in found:
                break
    except Truncated:
        return found
    return found
