"""Files to a question, in pieces and on two processes where that saves time.

Pieces of one plain file begin and end at line ends. A second process is forked only from a program with one thread, and
whatever it could not do, because it was killed for instance, is done here.
"""

from __future__ import annotations

import io
import marshal
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import msgspec

from opskit.logs import files
from opskit.logs.formats import Format
from opskit.logs.scan import Question, Scan, Wanted
from opskit.logs.unpack import kind
from opskit.model.message import Message

LARGE = 64 << 20
_SHARED = 8 << 20
_SHOWN = 300
_LONGEST = 16 * _SHOWN  # secrets are taken out before the cut, lest half a key remain
_PACKED = 8  # compressed bytes weigh more
_IN_MEMORY = 8 << 20
_COMPLETE = b"complete"


class Piece(msgspec.Struct, frozen=True):
    """Bytes `begin` to `end` of a plain file, which both follow a line end; `end` None for a whole compressed file."""

    path: Path
    begin: int
    end: int | None

    @property
    def weight(self) -> int:
        """Tell how much work it is, in bytes of plain text."""
        return self.end - self.begin if self.end is not None else _PACKED * self.path.stat().st_size


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
    """The same for all pieces: who asks, in which format (None: detect), what to look for (None: all), how many shown."""

    question: Callable[[], Question]
    form: Format | None = None
    wanted: Wanted | None = None
    shown: int = 0


def pieces(path: Path, begin: int = 0, end: int | None = None) -> list[Piece]:
    """Cut a file into two pieces, or none if it is small. LogError where it cannot be read."""
    with files.opened(path) as raw:
        descriptor = raw.fileno()
        if kind(path, descriptor) is not None:
            return [Piece(path, 0, None)]
        stop = os.fstat(descriptor).st_size if end is None else end
        cuts = [begin]
        if stop - begin > _SHARED:
            cuts.append(_next_line(descriptor, (begin + stop) // 2, stop))
    return [Piece(path, one, other) for one, other in pairwise([*cuts, stop])]


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


def ask(task: Task, work: Sequence[Piece]) -> tuple[Question, list[Read]]:
    """Read the pieces and return the question with what it collected, and what was read of each piece."""
    weights = [piece.weight for piece in work]
    alone = sum(weights) < _SHARED or len(work) < 2 or (os.cpu_count() or 1) < 2 or threading.active_count() > 1
    ours, theirs = (list(range(len(work))), []) if alone else _halves(weights)
    child = _Child(task, work, theirs) if theirs else None
    question = task.question()
    read = {index: _read(task, question, work[index]) for index in ours}
    if child is not None:
        read |= child.collect(question)
        read |= {index: _read(task, question, work[index]) for index in theirs if index not in read}
    return question, [read[index] for index in range(len(work))]


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

    def __init__(self, task: Task, work: Sequence[Piece], indexes: list[int]) -> None:
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
                _work(task, work, indexes, pipe)
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
            while (part := marshal.load(told)) is not None:
                question.join(part)
            return {index: _decoded(values) for index, values in marshal.load(told)}


def _whole(pipe: IO[bytes]) -> IO[bytes]:
    """Return everything that comes out of a pipe as a file: in memory, or on disk where it is much."""
    start = pipe.read(_IN_MEMORY)
    if len(start) < _IN_MEMORY:
        return io.BytesIO(start)
    import shutil
    import tempfile

    found = tempfile.TemporaryFile()
    found.write(start)
    shutil.copyfileobj(pipe, found)
    return found


def _work(task: Task, work: Sequence[Piece], indexes: list[int], pipe: IO[bytes]) -> None:
    question = task.question()
    read = [(index, _encoded(_read(task, question, work[index]))) for index in indexes]
    for part in question.parts():
        marshal.dump(part, pipe)
    marshal.dump(None, pipe)
    marshal.dump(read, pipe)
    pipe.write(_COMPLETE)


def _encoded(read: Read) -> tuple[Any, ...]:
    error = (read.error.template, dict(read.error.args)) if read.error else None
    return str(read.path), read.format, read.lines, read.unparsed, read.examined, read.unread, error


def _decoded(values: tuple[Any, ...]) -> Read:
    path, name, lines, unparsed, examined, unread, error = values
    return Read(Path(path), name, lines, unparsed, examined, unread, Message(*error) if error else None)


def _read(task: Task, question: Question, piece: Piece) -> Read:
    """Read one piece. A file that breaks off has its error beside what was read before."""
    unread = list[str]()

    def odd(line: bytes) -> None:
        if len(unread) < task.shown:
            from opskit.logs.redact import redact

            unread.append(redact(line[:_LONGEST].decode("utf-8", "surrogateescape"))[:_SHOWN])

    scan = Scan(question, task.form, task.wanted, odd)
    error = None
    try:
        for data, end in _blocks(piece):
            scan.block(data, end)
    except files.LogError as stopped:
        error = stopped.message
    name = scan.form.name if scan.form else None
    return Read(piece.path, name, scan.lines, scan.unparsed, scan.examined, tuple(unread), error)


def _blocks(piece: Piece) -> Iterator[tuple[bytes | bytearray, int]]:
    """Yield whole lines as `data[:end]`; a last line without its end gets one."""
    if piece.end is None:
        for block in files.blocks(piece.path):
            whole = block if block.endswith(b"\n") else block + b"\n"
            yield whole, len(whole)
        return
    with files.opened(piece.path) as raw:
        yield from _plain(raw.fileno(), piece.begin, piece.end)


def _plain(descriptor: int, begin: int, end: int) -> Iterator[tuple[bytearray, int]]:
    """Read through one buffer. Of a line longer than 1 MiB only the first MiB is kept, as `files.blocks` does."""
    buffer = bytearray(2 * files.MAX_LINE)
    room = memoryview(buffer)
    while begin < end:
        size = os.preadv(descriptor, [room[: min(len(buffer) - 1, end - begin)]], begin)
        if size == 0:
            return
        if buffer[0] == 0 and (data := _data(descriptor, begin)) > begin:
            begin = data
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


def _data(descriptor: int, at: int) -> int:
    """Return where behind `at` a sparse file goes on: a log that was truncated under its writer begins with a hole."""
    try:
        return os.lseek(descriptor, at, os.SEEK_DATA)
    except OSError:
        return at
