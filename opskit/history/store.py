"""What a memory can do. Checks are recorded here; notify finds here what to decide and to send; reports read from here.

All times are epoch seconds, all spans are half open: `since <= at < until`. Every method raises HistoryError where the
memory cannot be read or written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from opskit.history.incident import Ack, Decided, Incident, Kin, NewNotice, Said, Silence, StoredNotice
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

    def newest(self, check: str) -> Verdict | None:
        """Return the newest verdict of one check without its samples, None where it never ran."""

    def latest(self) -> list[Latest]:
        """Return state and newest verdict of every check, by id."""

    def record(
        self,
        verdict: Verdict,
        state: State | None,
        flip: Flip | None,
        seconds: float,
        kin: Kin = Kin(),  # noqa: B008  # a frozen value
    ) -> None:
        """Keep one run: state, samples, run, flip and incident together or not at all.

        Without a state it is one that comes late: its numbers are kept, and the check stays as newer runs left it.
        Samples without a value are left out; a sample whose `at` is 0 gets the verdict's. A second run of a check at
        exactly the same time replaces the first. A flip into the state that is stored already is left out: another
        process saw the same change and was faster; and whoever saw none does not take that one back. A bad flip joins
        the incident of its `kin`, or opens one.
        """

    def incidents(self, since: float, until: float) -> list[Incident]:
        """Return the incidents that lasted into a span, oldest first."""

    def incident(self, number: int) -> Incident | None:
        """Return one incident."""

    def incident_flips(self, number: int) -> list[StoredFlip]:
        """Return the flips of an incident, oldest first."""

    def unsettled(self) -> list[Incident]:
        """Return the incidents about which something is left to decide, oldest first."""

    def take(self, incident: Incident, now: float, lease_s: float) -> bool:
        """Take an incident for a decision that takes its time.

        False where it was decided about since it was read, or taken by somebody within `lease_s`.
        """

    def decide(
        self,
        incident: Incident,
        decision: Decided,
        said: Said,
        notice: NewNotice | None = None,
        channels: Sequence[str] = (),
    ) -> bool:
        """Write a decision and the notice that it leads to; False where it was decided about since it was read."""

    def decide_all(
        self,
        incidents: Sequence[tuple[Incident, Said]],
        decision: Decided,
        notice: NewNotice,
        channels: Sequence[str],
    ) -> bool:
        """Write one notice about several incidents; False, and nothing is written, where one was decided about."""

    def decisions(self, number: int) -> list[Decided]:
        """Return the decisions about an incident, each that differs from the one before, oldest first."""

    def held(self, since: float, until: float) -> list[Decided]:
        """Return the decisions of a span not to tell something, oldest first; those that only wait are none."""

    def file_seen(self, path: str, digest: str, now: float) -> bool:
        """Note the content of a file of the configuration; True where it was another before."""

    def files_changed(self, since: float, until: float) -> list[tuple[str, float]]:
        """Return the files that were found changed in a span, and when, oldest first."""

    def diagnosed(self, number: int, triage: int) -> None:
        """Note which diagnosis was made of an incident."""

    def acknowledge(self, number: int, ack: Ack | None) -> bool:
        """Note that somebody knows of an incident, or no longer does; False where there is none that is open."""

    def retire(self, checks: Collection[str], now: float) -> None:
        """Let incidents no longer wait for these checks: nobody runs them any more."""

    def silence(self, silence: Silence) -> int:
        """Keep a silence and return its number; the one it came with counts for nothing."""

    def end_silence(self, number: int, now: float) -> bool:
        """End a silence; False where there is none, or it is over."""

    def silences(self, since: float) -> list[Silence]:
        """Return the silences that end after `since`."""

    def notices(self, since: float, until: float) -> list[StoredNotice]:
        """Return the notices of a span with what became of each on each channel, oldest first."""

    def incident_notices(self, number: int) -> list[StoredNotice]:
        """Return the same of one incident."""

    def due(self, now: float, limit: int = 50) -> list[StoredNotice]:
        """Return open deliveries that are due, oldest first; of each incident and channel only the oldest."""

    def waiting(self) -> int:
        """Return how many deliveries are open."""

    def claim(self, notice: StoredNotice, now: float, lease_s: float) -> bool:
        """Take a delivery; False where it is done, not due, or taken by somebody within `lease_s`."""

    def mark_sent(
        self, notice: StoredNotice, now: float, remark: str = "", left: Sequence[str] = (), retry_at: float = 0.0
    ) -> None:
        """The notice was delivered; `remark` says what was less than perfect about it.

        For each recipient who was left out another delivery is opened, of the channel `CHANNEL RECIPIENT`, and is due
        from `retry_at` on.
        """

    def mark_dropped(self, notice: StoredNotice, now: float, reason: str, error: str = "") -> None:
        """The notice will not be delivered: `reason` is kept, and the error that led to it."""

    def release(self, notice: StoredNotice, now: float, error: str, retry_at: float) -> None:
        """Delivery failed: count the attempt, keep the error and give the notice back until `retry_at`."""

    def flips(self, since: float, until: float) -> list[StoredFlip]:
        """Return the flips of a span, oldest first."""

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

    def first_runs(self) -> dict[str, float]:
        """Return when each check ran for the first time, as far as the history reaches back, by id."""

    def keep_triage(self, kept: KeptTriage) -> int:
        """Keep a diagnosis and return its number. Of too many the oldest go."""

    def amend_triage(self, number: int, kept: KeptTriage) -> None:
        """Put a later state of a diagnosis in its place: something was done about it."""

    def triage(self, number: int) -> KeptTriage | None:
        """Return a diagnosis by its number."""

    def last_triage(self, playbook: str | None = None) -> KeptTriage | None:
        """Return the diagnosis that was kept last, of one playbook or of any."""

    def triages(self, since: float, until: float) -> list[KeptTriage]:
        """Return the diagnoses of a span, in the order in which they were kept."""

    def heartbeat(self, name: str, now: float) -> None:
        """Note that the worker `name` is alive."""

    def first(self, name: str, now: float, notice: NewNotice | None = None, channels: Sequence[str] = ()) -> bool:
        """Note that something was done, and keep the notice about it; False where somebody has noted it before.

        It is forgotten with single runs.
        """

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
