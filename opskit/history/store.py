"""What a memory can do. Checks are recorded here; notify takes unsent flips from here; reports read from here.

All times are epoch seconds, all spans are half open: `since <= at < until`. Every method raises HistoryError where the
memory cannot be read or written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from opskit.judge.level import Level
from opskit.model.message import Message
from opskit.model.sample import Sample
from opskit.model.state import Flip, State
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict


class HistoryError(Exception):
    """The memory cannot be used; `message` is the one sentence that says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


class StoredFlip(msgspec.Struct, frozen=True):
    """A flip with its delivery.

    `seed` is 32 hex digits, made once when the row is written: a repeated delivery carries the same name. `thread` is
    the seed of the flip that opened the incident, so that its end can be filed with its beginning. `items` are those
    of the verdict that caused the flip. `told` is the state that was last delivered for this check before this flip;
    `superseded` says that a newer flip of the check exists. It is open while `sent_at` and `dropped_at` are None.
    """

    id: int
    seed: str
    thread: str
    check: str
    before: Status | None
    after: Status
    at: float
    summary: str
    items: tuple[Item, ...] = ()
    attempts: int = 0
    told: Status | None = None
    superseded: bool = False
    tried_at: float | None = None
    retry_at: float | None = None
    sent_at: float | None = None
    dropped_at: float | None = None
    reason: str | None = None
    error: str | None = None

    @property
    def announced_problem(self) -> bool:
        """True where the last thing the reader heard of this check was not its end: then the end is owed."""
        return self.told not in (None, Status.OK)


class Runs(msgspec.Struct, frozen=True):
    """How the runs of one check in a span went: how many led to each state, when, and how long one took on average."""

    check: str
    counts: dict[Status, int]
    first: float
    last: float
    mean_s: float


class Series(msgspec.Struct, frozen=True):
    """What is kept of one series of a check: `count` values from `first` to `last`."""

    metric: str
    labels: dict[str, str]
    basis: str
    unit: str
    first: float
    last: float
    count: int


class Latest(msgspec.Struct, frozen=True):
    """The newest that is known of a check. The verdict comes without its `samples`; `seconds` is what the run took."""

    state: State
    verdict: Verdict
    seconds: float


class KeptTriage(msgspec.Struct, frozen=True):
    """A diagnosis that is kept. `code` and `certainty` are None where no cause was named, `also_seen` holds codes.

    `told` is the whole as JSON, for those who made it: the memory does not look inside.
    """

    at: float
    playbook: str
    outcome: str
    code: str | None
    certainty: str | None
    also_seen: tuple[str, ...]
    seconds: float
    exit_code: int
    told: str


class Store(Protocol):
    """The memory of one host."""

    def states(self) -> dict[str, State]:
        """Return the state of every check that ever ran, by its id."""

    def state(self, check: str) -> State | None:
        """Return the state of one check, None where it never ran."""

    def latest(self) -> list[Latest]:
        """Return state and newest verdict of every check, by id."""

    def record(self, verdict: Verdict, state: State, flip: Flip | None, seconds: float) -> None:
        """Keep one run: state, samples, run and flip together or not at all.

        Samples without a value are left out; a sample whose `at` is 0 gets the verdict's. A second run of a check at
        exactly the same time replaces the first. A flip into the state that is stored already is left out: another
        process saw the same change and was faster.
        """

    def unsent(self, now: float, limit: int = 50) -> list[StoredFlip]:
        """Return open flips that are due, oldest first; of each check only the oldest, so that news stay in order."""

    def claim(self, flip_id: int, now: float, lease_s: float) -> bool:
        """Take a flip for delivery; False where it is done, not due, or taken by somebody within `lease_s`."""

    def mark_sent(self, flip_id: int, now: float, note: str = "") -> None:
        """The flip was delivered; `note` says what was less than perfect about it."""

    def mark_dropped(self, flip_id: int, now: float, reason: str, error: str = "") -> None:
        """The flip will not be delivered, on purpose: `reason` is kept, and the error that led to it."""

    def release(self, flip_id: int, now: float, error: str, retry_at: float) -> None:
        """Delivery failed: count the attempt, keep the error and give the flip back until `retry_at`."""

    def flips(self, since: float, until: float) -> list[StoredFlip]:
        """Return the flips of a span with what became of their delivery, oldest first."""

    def samples(
        self,
        check: str,
        metric: str,
        since: float,
        until: float,
        labels: Mapping[str, str] | None = None,
        basis: str = "",
    ) -> list[tuple[float, float]]:
        """Return (at, value) of a metric by time: of the series with exactly `labels` and `basis`, or of all."""

    def series(self, check: str) -> list[Series]:
        """Return what is kept of each series of a check, those with the newest values last."""

    def accept(self, check: str, series: Series, level: Level, now: float) -> bool:
        """Note that a series' level is the usual one; False where there is no such series."""

    def accepted(self, check: str, series: Series) -> list[Level]:
        """Return what was accepted for a series, oldest first."""

    def recorded(self, check: str, since: float, until: float) -> dict[float, list[Sample]]:
        """Return all samples of a check by the time at which they were measured, oldest first."""

    def runs(self, since: float, until: float) -> list[Runs]:
        """Return how the runs of a span went, for each check that ran in it, by id."""

    def keep_triage(self, kept: KeptTriage) -> int:
        """Keep a diagnosis and return its number. Of too many the oldest go."""

    def amend_triage(self, number: int, kept: KeptTriage) -> None:
        """Put a later state of a diagnosis in its place: something was done about it."""

    def last_triage(self, playbook: str | None = None) -> KeptTriage | None:
        """Return the diagnosis that was kept last, of one playbook or of any."""

    def heartbeat(self, name: str, now: float) -> None:
        """Note that the worker `name` is alive."""

    def heartbeats(self) -> dict[str, float]:
        """Return when each worker was last alive."""

    def prune(self, now: float, keep_days: float = 35) -> int:
        """Forget what is older; return how many runs and samples went. What is still owed to a reader stays."""
