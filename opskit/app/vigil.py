"""How often `opskit run` looks whether something is to be told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from opskit.app.run_checks import Outcome
from opskit.model.status import Status

_CALM_S = 30.0


class Vigil:
    """Every time it is asked, but twice a minute where nothing is open: each look opens the history.

    What another process recorded is seen by then too. `measured` and `is_due` are for different threads; `clock` is one
    that nobody sets.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stirred = threading.Event()
        self._next = 0.0

    def measured(self, outcome: Outcome) -> None:
        """Take note of a run: whatever is not well may be worth telling at once."""
        if outcome.verdict.status is not Status.OK or outcome.trouble is not None:
            self._stirred.set()

    def is_due(self) -> bool:
        """Whether to look now. What is measured from here on counts for the next time."""
        stirred = self._stirred.is_set()
        if stirred:
            self._stirred.clear()
        return stirred or self._clock() >= self._next

    def looked(self, *, calm: bool) -> None:
        """Take note of what the look showed: `calm` where nothing is open and nothing waits."""
        self._next = self._clock() + (_CALM_S if calm else 0.0)
