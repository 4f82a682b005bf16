"""The evidence of one run: each piece is collected once, whoever wants it, and the others wait for the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from opskit.model.raw import Raw
from opskit.probes.base import Deadline, ProbeError

_GRACE_S = 0.8  # who collects reports a moment after the end of the time
Look = Callable[[], tuple[Raw, ...]]


class _Piece:
    """What one thread collects, and what others wait for."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.raws: tuple[Raw, ...] | None = None
        self.error: ProbeError | None = None

    def collect(self, look: Look) -> None:
        """Collect it, and let those who wait go on whatever comes of it."""
        try:
            self.raws = look()
        except ProbeError as error:
            self.error = error
        finally:
            self.over.set()

    def told(self) -> tuple[Raw, ...]:
        """Return what was collected. Raises ProbeError, or RuntimeError where whoever collected it met a defect."""
        if self.error is not None:
            raise self.error
        if self.raws is None:  # what it was goes up in the thread that met it
            raise RuntimeError("another probe failed while it collected this")
        return self.raws


class Shared:
    """Pieces by name. Threads that ask for one of `names`, or for any where None, get the same answer or error."""

    def __init__(self, names: Iterable[str] | None) -> None:
        self._names = None if names is None else frozenset(names)
        self._pieces: dict[str, _Piece] = {}
        self._lock = threading.Lock()

    def piece(self, name: str, look: Look, deadline: Deadline) -> tuple[Raw, ...]:
        """Return the piece; `look` collects it if nobody did so before. Raises ProbeError."""
        if self._names is not None and name not in self._names:
            return look()
        with self._lock:
            mine = name not in self._pieces
            piece = self._pieces.setdefault(name, _Piece())
        if mine:
            piece.collect(look)
        elif not piece.over.wait(deadline.left + _GRACE_S):
            raise deadline.expired()
        return piece.told()
