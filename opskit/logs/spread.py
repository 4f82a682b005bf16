"""Pieces of files to a question, on two processes where that saves time.

A second process is forked only from a program with one thread, and whatever it could not do, because it was killed for
instance, is done here.
"""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Sequence
from datetime import UTC, tzinfo
from pathlib import Path
from typing import IO, Any

import msgspec

from opskit.logs import files
from opskit.logs.formats import Format
from opskit.logs.frames import put, take
from opskit.logs.pieces import SHARED, Piece, blocks
from opskit.logs.scan import Question, Scan
from opskit.logs.wanted import Wanted
from opskit.model.message import Message

LARGE = 64 << 20
_SHOWN = 300
_LONGEST = 16 * _SHOWN  # secrets are taken out before the cut, lest half a key remain
_IN_MEMORY = 8 << 20
_COMPLETE = b"complete"


class Read(msgspec.Struct):
    """What was read of a piece. `unread` are lines that fit no format, cut and without secrets."""

    path: Path
    format: str | None = None
    lines: int = 0
    unparsed: int = 0
    examined: int = 0
    unread: tuple[str, ...] = ()
    error: Message | None = None


class Task(msgspec.Struct, frozen=True):
    """The same for all pieces: format (None: detect), statuses to look for (None: all), lines to show, zone."""

    form: Format | None = None
    wanted: Wanted | None = None
    shown: int = 0
    zone: tzinfo = UTC


def ask(question: Question, task: Task, work: Sequence[Piece]) -> list[Read]:
    """Let a question read the pieces, and return what was read of each. It must be new: a child begins with a copy."""
    weights = [piece.weight for piece in work]
    if len(work) == 1 and work[0].end is None and weights[0] > SHARED:
        work = [msgspec.structs.replace(work[0], turn=turn, turns=2) for turn in (0, 1)]
        weights *= 2
    alone = sum(weights) < SHARED or len(work) < 2 or (os.cpu_count() or 1) < 2 or threading.active_count() > 1
    ours, theirs = (list(range(len(work))), []) if alone else _halves(weights)
    child = _Child(question, task, work, theirs) if theirs else None
    read = {index: _read(task, question, work[index]) for index in ours}
    question.settle()
    if child is not None:
        read |= child.collect(question)
        read |= {index: _read(task, question, work[index]) for index in theirs if index not in read}
    return [read[index] for index in range(len(work))]


def _halves(weights: Sequence[int]) -> tuple[list[int], list[int]]:
    """Share the pieces between two, the heavy ones first."""
    halves: tuple[list[int], list[int]] = ([], [])
    loads = [0, 0]
    for index in sorted(range(len(weights)), key=lambda index: -weights[index]):
        lighter = loads.index(min(loads))
        halves[lighter].append(index)
        loads[lighter] += weights[index]
    return sorted(halves[0]), sorted(halves[1])


class _Child:
    """Another process that reads some of the pieces; what it gives comes through a pipe, and counts only as a whole."""

    def __init__(self, question: Question, task: Task, work: Sequence[Piece], indexes: list[int]) -> None:
        reading, writing = os.pipe()
        self._pid = os.fork()
        if self._pid:
            os.close(writing)
            self._pipe = os.fdopen(reading, "rb")
            return
        code = 1
        try:
            os.close(reading)
            with os.fdopen(writing, "wb", 1 << 16) as pipe:
                _work(question, task, work, indexes, pipe)
            code = 0
        finally:
            os._exit(code)

    def collect(self, question: Question) -> dict[int, Read]:
        """Let the question join what the process collected; {} where the process died first."""
        with self._pipe, _whole(self._pipe) as told:
            os.waitpid(self._pid, 0)
            try:
                told.seek(-len(_COMPLETE), os.SEEK_END)
                complete = told.read() == _COMPLETE
            except OSError:
                complete = False
            if not complete:
                return {}
            told.seek(0)
            while (part := take(told)) is not None:
                question.join(part)
            return {index: _decoded(values) for index, values in take(told)}


def _whole(pipe: IO[bytes]) -> IO[bytes]:
    """Return everything that comes out of a pipe as a file: in memory, or on disk where it is much."""
    start = pipe.read(_IN_MEMORY)
    if len(start) < _IN_MEMORY:
        return io.BytesIO(start)
    import shutil
    import tempfile

    found = tempfile.TemporaryFile()  # noqa: SIM115  # closed by the caller
    found.write(start)
    shutil.copyfileobj(pipe, found)
    return found


def _work(question: Question, task: Task, work: Sequence[Piece], indexes: list[int], pipe: IO[bytes]) -> None:
    read = [(index, _encoded(_read(task, question, work[index]))) for index in indexes]
    for part in question.parts():
        put(pipe, part)
    put(pipe, None)
    put(pipe, read)
    pipe.write(_COMPLETE)


def _encoded(read: Read) -> tuple[Any, ...]:
    error = (read.error.template, dict(read.error.args)) if read.error else None
    return str(read.path), read.format, read.lines, read.unparsed, read.examined, read.unread, error


def _decoded(values: tuple[Any, ...]) -> Read:
    path, name, lines, unparsed, examined, unread, error = values
    return Read(Path(path), name, lines, unparsed, examined, unread, Message(*error) if error else None)


def _read(task: Task, question: Question, piece: Piece) -> Read:
    """Read one piece. A file that breaks off has its error beside what was read before."""
    reading = Reading(question, task, piece.path, piece.guess)
    try:
        for data, end in blocks(piece):
            reading.block(data, end)
    except files.LogError as stopped:
        return reading.done(stopped.message)
    return reading.done()


class Reading:
    """The reading of one file or piece, block by block."""

    def __init__(self, question: Question, task: Task, path: Path, guess: Format | None = None) -> None:
        self._path, self._shown, self._unread = path, task.shown, list[str]()
        self._scan = Scan(question, task.form, task.wanted, self._odd, task.zone, guess)

    def block(self, data: bytes | bytearray, end: int) -> None:
        """Read the whole lines of `data[:end]`."""
        self._scan.block(data, end)

    def done(self, error: Message | None = None) -> Read:
        """Return what was read."""
        scan = self._scan
        name = scan.form.name if scan.form else None
        return Read(self._path, name, scan.lines, scan.unparsed, scan.examined, tuple(self._unread), error)

    def _odd(self, line: bytes) -> None:
        if len(self._unread) < self._shown:
            from opskit.logs.redact import redact

            self._unread.append(redact(line[:_LONGEST].decode("utf-8", "surrogateescape"))[:_SHOWN])
