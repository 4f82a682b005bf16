"""What is remembered of a check between two runs, and the change that somebody may want to hear of."""

from __future__ import annotations

import msgspec

from opskit.model.status import Status


class State(msgspec.Struct, frozen=True):
    """The settled state of a check.

    `hard` is the confirmed state since `since`; `seen` is the newest result (it may differ: then the state is soft);
    `recent` are the newest results, oldest first, as many as the check's `for: k of n` looks at. Times are epoch
    seconds; after `valid_until` the state is stale and nobody may show it as good. `ring` are the newest confirmed
    states, of which `judge.flapping` tells whether the check flaps, and `flapping_since` is since when it does.
    """

    check: str
    hard: Status
    seen: Status
    since: float
    at: float
    valid_until: float
    recent: tuple[Status, ...] = ()
    ring: tuple[Status, ...] = ()
    flapping_since: float | None = None

    @property
    def soft(self) -> bool:
        """True while the newest result differs from the confirmed state."""
        return self.hard is not self.seen


class Flip(msgspec.Struct, frozen=True):
    """A confirmed change of state."""

    check: str
    before: Status | None
    after: Status
    at: float
    summary: str
