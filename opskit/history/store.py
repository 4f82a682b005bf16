"""What a memory can do. Checks are recorded here; notify takes unsent flips from here; reports read from here.

All times are epoch seconds, all spans are half open: `since <= at < until`. Every method raises HistoryError where the
memory cannot be read or written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol

from opskit.history.records import Keep, Kept, KeptTriage, Latest, Runs, Series, StoredFlip
from opskit.judge.level import Level
from opskit.model.message import Message
from opskit.model.sample import Sample
from opskit.model.state import Flip, State
from opskit.model.verdict import Verdict

if TYPE_CHECKING:
    from opskit.history.row import Row  # whoever only records runs needs none of its kinds


class HistoryError(Exception):
    """The memory cannot be used; `message` is the one sentence that says why and what to do.

    `passing`: it worked before, and will again by itself or by a repair. Otherwise this user, or this version of
    opskit, has nothing to look for in the file.
    """

    def __init__(self, message: Message, *, passing: bool = False) -> None:
        super().__init__(str(message))
        self.message = message
        self.passing = passing


class Store(Protocol):
    """The memory of one host."""

    def states(self) -> dict[str, State]:
        """Return the state of every check that ever ran, by its id."""

    def state(self, check: str) -> State | None:
        """Return the state of one check, None where it never ran."""

    def latest(self) -> list[Latest]:
        """Return state and newest verdict of every check, by id."""

    def record(self, verdict: Verdict, state: State | None, flip: Flip | None, seconds: float) -> None:
        """Keep one run: state, samples, run and flip together or not at all.

        Without a state it is one that comes late: its numbers are kept, and the check stays as newer runs left it.
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
        """Return (at, value) of a metric by time: of the series with exactly `labels` and `basis`, or of all.

        Old values are means of five minutes or an hour, and stand in the middle of that time.
        """

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

    def triages(self, since: float, until: float) -> list[KeptTriage]:
        """Return the diagnoses of a span, in the order in which they were kept."""

    def heartbeat(self, name: str, now: float) -> None:
        """Note that the worker `name` is alive."""

    def first(self, name: str, now: float) -> bool:
        """Note that something was done; False where somebody has noted it before. It is forgotten with single runs."""

    def is_done(self, name: str) -> bool:
        """Return whether something was noted as done."""

    def heartbeats(self) -> dict[str, float]:
        """Return when each worker was last alive."""

    def rows(self, since: float, until: float) -> Iterator[Row]:
        """Yield all that is kept: states and levels whole, of everything else what lies in the span."""

    def take_in(self, rows: Iterable[Row]) -> int:
        """Put rows of another memory beside what is here, all or none; return how many were new.

        Rows come as `rows` yields them: one about a check of which nothing is known is passed over. What is told stays
        told, and what the other memory still owes to a reader is not told here.
        """

    def inventory(self) -> list[Kept]:
        """Return how much is kept of each kind, and of which time."""

    def prune(self, now: float, keep: Keep = Keep()) -> int:  # noqa: B008  # a frozen value
        """Roll up and forget what is older; return how many rows it took. What is owed to a reader stays."""
