"""Counts by group in bounded memory: a million different clients go to sorted files on disk, and none is forgotten."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import IO, Any

from opskit.logs.frames import put, take

Key = tuple[Any, ...]
Count = tuple[Key, int]
_MOST = 100_000
_LARGEST = 10 << 20
_CHUNK = 1 << 16
_AROUND = 60  # what a key weighs besides its text


class Groups:
    """How often each key occurred. Keys are tuples of the same length and of types that can be compared."""

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}
        self._runs = list[IO[bytes]]()
        self._size = 0

    @property
    def on_disk(self) -> bool:
        """Whether there were more keys than fit into memory."""
        return bool(self._runs)

    def add(self, counts: Iterable[Count], size: int) -> None:
        """Add counts whose keys have at most `size` characters together."""
        known = self._counts
        self._size += size
        for key, number in counts:
            known[key] = known.get(key, 0) + number
            if len(known) >= _MOST:
                self._spill()
        if self._size >= _LARGEST:
            self._spill()

    def _spill(self) -> None:
        import tempfile

        run = tempfile.TemporaryFile(buffering=1 << 16)  # noqa: SIM115  # lives as long as the counts
        try:
            for chunk in self._chunks(sorted(self._counts.items())):
                put(run, chunk)
            put(run, [])
            run.flush()
        except OSError as error:  # which does not say where
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error
        self._runs.append(run)
        self._counts.clear()
        self._size = 0

    def _chunks(self, counts: list[Count]) -> Iterator[list[Count]]:
        """Cut a list into pieces of about 64 KiB: one of each run is in memory when they are merged."""
        weight = self._size + _AROUND * len(counts)
        length = max(1, _CHUNK * len(counts) // max(1, weight))
        return (counts[at : at + length] for at in range(0, len(counts), length))

    def chunks(self) -> Iterator[tuple[list[Count], int]]:
        """Yield what was counted in lists of bounded length, each with its size; a key may occur in several."""
        for run in self._runs:
            run.seek(0)
            while chunk := take(run):
                yield chunk, _size(chunk)
        for chunk in self._chunks(list(self._counts.items())):
            yield chunk, self._size * len(chunk) // len(self._counts)

    def items(self) -> Iterator[Count]:
        """Yield each key once with its count; in the order of the keys where they did not fit into memory."""
        if not self._runs:
            yield from self._counts.items()
            return
        merged = heapq.merge(sorted(self._counts.items()), *map(_run, self._runs))
        for key, same in groupby(merged, lambda item: item[0]):
            yield key, sum(number for _, number in same)


def _size(chunk: list[Count]) -> int:
    return sum(len(part) for key, _ in chunk for part in key if isinstance(part, str))


def _run(run: IO[bytes]) -> Iterator[Count]:
    run.seek(0)
    while chunk := take(run):
        yield from chunk
