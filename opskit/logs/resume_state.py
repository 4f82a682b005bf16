"""Where the reading of a log stopped, and the small file that remembers it until the next run.

A place is known by the content before it and never by an inode alone: ext4 gives the number of a deleted log to the
next one. Whoever reads takes the lock first, and saves the new position after the output is delivered: a run that dies
in between gives the same lines again.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import msgspec

from opskit.logs.refusal import LogError, explained
from opskit.model.message import say
from opskit.model.typed import prepared

VERSION = 1
Size = Annotated[int, msgspec.Meta(ge=0)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file, for as long as it exists. `generation` tells it from the next file with its inode; 0 is unknown."""

    dev: int
    ino: int
    generation: int


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place in a log: `off` decompressed bytes from its start, with the hashes of what is before it.

    The head is the first `head_len` bytes of the file, the tail the last `tail_len` bytes before `off`.
    """

    head_len: Size
    head_sha256: Sha256
    off: Size
    tail_len: Size
    tail_sha256: Sha256
    dev: int
    ino: int
    generation: int

    @property
    def identity(self) -> Identity:
        """The file that the place was in."""
        return Identity(self.dev, self.ino, self.generation)


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where reading stopped: how far each file of the set was read, oldest first, always right behind a line.

    All are remembered, because a server may still write to a file after it was renamed. `live` is the file that had the
    log's own name. `last_ts` is the time of the last line, in epoch seconds.
    """

    v: int
    last_ts: float | None
    live: Identity | None
    files: tuple[Mark, ...]

    @property
    def youngest(self) -> Mark | None:
        """The place in the youngest file that had a line."""
        return next((mark for mark in reversed(self.files) if mark.off), None)


class _Versioned(msgspec.Struct):
    v: int


def load(path: Path) -> Position | None:
    """Return the saved position, None where none was saved yet.

    Raises LogError for a file that cannot be read or is not a position: to begin anew is a decision of the operator.
    """
    try:
        data = path.read_bytes()
        version = msgspec.json.decode(data, type=prepared(_Versioned)).v
        if version == VERSION:
            return msgspec.json.decode(data, type=prepared(Position))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            raise LogError(explained(path, error)) from error
        text = say(
            "{path}: damaged, or not a saved position ({reason}); move it away to begin anew",
            path=str(path),
            reason=str(error),
        )
        raise LogError(text) from error
    text = say("{path}: saved by another version of opskit; move it away to begin anew", path=str(path))
    raise LogError(text)


def save(path: Path, position: Position) -> None:
    """Replace the saved position, all or nothing, readable by its owner only. The caller holds the lock.

    Raises LogError where the file cannot be written; the position before is then still there.
    """
    draft = path.with_name(path.name + ".new")
    try:
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(position))
            file.flush()
            os.fsync(descriptor)
        draft.replace(path)
        _flush_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        text = say(
            "{path}: the position cannot be saved ({reason}); the next run will give the same lines again",
            path=str(path),
            reason=error.strerror or str(error),
        )
        raise LogError(text) from error


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keep other runs away from the position saved at `path`, whose folder is made. Raises LogError where one is at it.

    The lock is on a file beside it, because the file itself is replaced; the kernel drops it when its holder dies.
    """
    beside = path.with_name(path.name + ".lock")
    try:
        beside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LogError(explained(beside, error)) from error
    try:
        _take(descriptor, path, beside)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, beside: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        text = say("{path}: another run is reading on from there; wait until it has ended", path=str(path))
        raise LogError(text) from error
    except OSError as error:
        raise LogError(explained(beside, error)) from error
