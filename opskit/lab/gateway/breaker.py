"""The circuit breaker: after so many failures in a row Ollama is left alone for a while, then tried once.

    closed --failures in a row--> open --open_seconds--> half_open --the trial answers--> closed
                                    ^----------------the trial fails--------'

Pure: the time comes in as an argument, every change goes out through `on_change`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from opskit.lab.gateway.config import BreakerSettings

State = Literal["closed", "open", "half_open"]


class Ticket:
    """The leave to ask Ollama once. Its holder reports `success` or `failure`, and `release`s it in any case."""

    def __init__(self, round_: int) -> None:
        """`round_` tells answers of an earlier round from those that count now."""
        self.round = round_
        self.settled = False


class Breaker:
    """Counts the failures; knows nothing of what is asked."""

    def __init__(self, settings: BreakerSettings, on_change: Callable[[State], None]) -> None:
        """Start closed."""
        self.settings = settings
        self.stuck = False
        self.state: State = "closed"
        self.failures = 0
        self._on_change = on_change
        self._opened_at = 0.0
        self._trial: Ticket | None = None
        self._round = 0

    def admit(self, now: float) -> Ticket | None:
        """Return the leave to ask, None while Ollama is left alone."""
        if self.state == "open" and not self.stuck and now - self._opened_at >= self.settings.open_seconds:
            self._become("half_open")
        if self.state == "open" or self._trial is not None:
            return None
        ticket = Ticket(self._round)
        if self.state == "half_open":
            self._trial = ticket
        return ticket

    def retry_after(self, now: float) -> int:
        """Return after how many whole seconds it is worth asking again."""
        left = self._opened_at + self.settings.open_seconds - now if self.state == "open" else 1
        return max(1, math.ceil(left))

    def success(self, ticket: Ticket) -> None:
        """Ollama answered."""
        if not self._settle(ticket):
            return
        self.failures = 0
        if self.state == "half_open":
            self._become("closed")

    def failure(self, ticket: Ticket, now: float) -> None:
        """Ollama did not answer."""
        if not self._settle(ticket):
            return
        self.failures += 1
        if self.state == "half_open" or self.failures >= self.settings.failures:
            self._opened_at = now
            self._become("open")

    def release(self, ticket: Ticket) -> None:
        """Give the leave back. A trial whose client left proved nothing: the next request is the trial."""
        self._settle(ticket)

    def _settle(self, ticket: Ticket) -> bool:
        """Return whether the answer counts: it is the first about this ticket, and of the present round."""
        first, ticket.settled = not ticket.settled, True
        if self._trial is ticket:
            self._trial = None
        return first and ticket.round == self._round

    def _become(self, state: State) -> None:
        self.state = state
        self._round += 1
        self._on_change(state)
