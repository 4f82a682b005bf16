"""The evidence of one run: each piece is collected once, whoever wants it, and the others wait for the first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future

from opskit.model.raw import Raw
from opskit.probes.base import Deadline, ProbeError

_GRACE_S = 0.8  # who collects reports a moment after the end of the time
Look = Callable[[], tuple[Raw, ...]]


class Shared:
    """Pieces by name. Threads that ask for one of `names`, or for any where None, get the same answer or error."""

    def __init__(self, names: Iterable[str] | None) -> None:
        self._names = None if names is None else frozenset(names)
        self._pieces: dict[str, Future[tuple[Raw, ...]]] = {}
        self._lock = threading.Lock()

    def piece(self, name: str, look: Look, deadline: Deadline) -> tuple[Raw, ...]:
        """Return the piece; `look` collects it if nobody did so before. Raises ProbeError."""
        if self._names is not None and name not in self._names:
            return look()
        with self._lock:
            mine = name not in self._pieces
            future = self._pieces.setdefault(name, Future())
        if mine:
            self._collect(future, look)
        try:
            return future.result(deadline.left + _GRACE_S)
        except TimeoutError:
            raise deadline.expired() from None

    @staticmethod
    def _collect(future: Future[tuple[Raw, ...]], look: Look) -> None:
        try:
            future.set_result(look())
        except ProbeError as error:
            future.set_exception(error)
        finally:
            if not future.done():
                future.cancel()  # whatever it was: it goes up in this thread, and nobody else waits for it
