"""Runs that the history could not take: kept as lines of a file until it can.

A line is appended and synced before anybody is told that the run is kept. Whoever empties the spool holds its lock
meanwhile, and a line leaves it only when all of them are in the history: one that is brought in twice changes nothing.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from opskit.history.codec import packed, unpacked
from opskit.history.store import HistoryError
from opskit.model.message import say
from opskit.model.verdict import Verdict

_MOST_BYTES = 64 << 20


class Spooled(msgspec.Struct, frozen=True):
    """One run that waits."""

    verdict: Verdict
    seconds: float


class Spool:
    """The file at `path`, or one of the same name in `spare`, a folder on another disk, where that cannot be written.

    `spare` belongs to this user alone: opskit makes it, and uses none that it does not own.
    """

    def __init__(self, path: Path, spare: Path) -> None:
        self.paths = (path, spare / path.name)

    def add(self, run: Spooled) -> Path:
        """Keep a run and return the file it is in. Raises HistoryError where it cannot be kept."""
        line = packed(run).encode("ascii") + b"\n"
        why = OSError(0, "?")
        for path in self.paths:
            try:
                self._append(path, line)
            except OSError as error:
                why = error
            else:
                return path
        reason = why.strerror or str(why)
        raise HistoryError(say("{path}: this run cannot be kept either: {why}", path=str(self.paths[-1]), why=reason))

    def _append(self, path: Path, line: bytes) -> None:
        if path is self.paths[1]:
            _own_folder(path.parent)
        with _locked(path, os.O_RDWR | os.O_CREAT) as file:
            size = os.fstat(file).st_size
            if size + len(line) > _MOST_BYTES:
                raise OSError(0, f"{path} is full")
            # A line that a sudden death cut off must not spoil the next one.
            whole = size == 0 or os.pread(file, 1, size - 1) == b"\n"
            _write(file, line if whole else b"\n" + line, size)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits, as far as this user may know."""
        return not any(path.is_file() and path.stat().st_size for path in self.paths)

    def waiting(self) -> int:
        """Return how many runs wait; what cannot be read counts as none."""
        return sum(path.read_bytes().count(b"\n") for path in self.paths if os.access(path, os.R_OK))

    def empty_into(self, take: Callable[[Spooled], None]) -> tuple[int, int]:
        """Hand every run to `take`, oldest first, and remove them; return how many, and how many broken lines.

        Broken lines are kept aside. What `take` raises is passed on, and then everything stays for the next time.
        """
        taken = broken = 0
        for path in self.paths:
            if not os.access(path, os.W_OK) or not path.stat().st_size:
                continue
            with _locked(path, os.O_RDWR) as file:
                runs, odd = _read(file)
                for run in sorted(runs, key=lambda run: run.verdict.at):
                    take(run)
                if odd:
                    with _locked(path.with_name(f"{path.name}.broken"), os.O_RDWR | os.O_CREAT) as aside:
                        _write(aside, b"".join(odd), os.fstat(aside).st_size)
                os.ftruncate(file, 0)
            taken, broken = taken + len(runs), broken + len(odd)
        return taken, broken


@contextmanager
def _locked(path: Path, flags: int) -> Iterator[int]:
    file = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o640)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _write(file: int, data: bytes, at: int) -> None:
    """All of it, and on the disk; or nothing."""
    try:
        written = os.pwrite(file, data, at)
        os.fsync(file)
    except OSError:
        os.ftruncate(file, at)
        raise
    if written != len(data):
        os.ftruncate(file, at)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # only a full disk takes a part


def _read(file: int) -> tuple[list[Spooled], list[bytes]]:
    runs, odd = list[Spooled](), list[bytes]()
    for line in os.pread(file, os.fstat(file).st_size, 0).splitlines(keepends=True):
        try:
            runs.append(unpacked(line.decode("ascii"), Spooled))
        except (ValueError, msgspec.ValidationError, RecursionError):
            odd.append(line if line.endswith(b"\n") else line + b"\n")
    return runs, odd


def _own_folder(folder: Path) -> None:
    """Make it, or insist that nobody else can have put it there."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise OSError(0, f"{folder} is somebody else's") from None
