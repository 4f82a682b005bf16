"""The evidence of one run: each piece is collected once, whoever wants it, and the others wait for the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from opskit.model.raw import Raw
from opskit.probes.base import Deadline, ProbeError

_GRACE_S = 0.8  # who collects reports a moment after the end of the time
Look = Callable[[Deadline], tuple[Raw, ...]]


class _Piece:
    """What one thread collects, and what others wait for."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.raws: tuple[Raw, ...] | None = None
        self.error: ProbeError | None = None

    def collect(self, look: Look, deadline: Deadline) -> None:
        """Collect it, and let those who wait go on whatever comes of it."""
        try:
            self.raws = look(deadline)
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
    """Pieces by name. Threads that ask for one of `patience`, or for any where None, get the same answer or error.

    `patience` is for how long the most patient of them waits (seconds): so long it is collected, whoever begins.
    """

    def __init__(self, patience: Mapping[str, float] | None) -> None:
        self._patience = patience
        self._pieces: dict[str, _Piece] = {}
        self._lock = threading.Lock()

    def piece(self, name: str, look: Look, deadline: Deadline) -> tuple[Raw, ...]:
        """Return the piece; `look` collects it if nobody did so before. Raises ProbeError."""
        if self._patience is not None and name not in self._patience:
            return look(deadline)
        with self._lock:
            mine = name not in self._pieces
            piece = self._pieces.setdefault(name, _Piece())
        if mine:
            most = (self._patience or {}).get(name, 0.0)
            piece.collect(look, Deadline(most) if most > deadline.seconds else deadline)
        elif not piece.over.wait(deadline.left + _GRACE_S):
            raise deadline.expired()
        return piece.told()
