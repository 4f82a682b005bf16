"""A day, as every form of the daily report takes it: what happened, in numbers and words that no language has yet.

Gathered by `app.day` from the history and the gateway's log. Times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from opskit.history.records import Runs, StoredFlip
from opskit.model.message import Message
from opskit.model.status import Status, worst
from opskit.model.text import Text


class DayIncident(msgspec.Struct, frozen=True):
    """An incident of the day. `closed_at` is None where it lasted beyond it; `cause` is what triage named."""

    id: int
    status: Status
    summary: str
    checks: tuple[str, ...]
    opened_at: float
    closed_at: float | None
    code: str | None = None
    cause: Text | None = None
    notices: int = 0


class Count(msgspec.Struct, frozen=True):
    """How often a status was answered, on this day and on an average one of the week before; None where unknown."""

    status: str
    count: int
    usual: float | None
    top: tuple[tuple[str, int], ...] = ()
    """Who got it most, with how often."""


class Traffic(msgspec.Struct, frozen=True):
    """The gateway's requests of the day. `remarks` say what of its log could not be read."""

    requests: int
    usual: float | None
    counts: tuple[Count, ...]
    remarks: tuple[Message, ...] = ()


class Curve(msgspec.Struct, frozen=True):
    """A series: its values of the day as (time, value); of the 7 days before the mean, and where 9 of 10 values lay."""

    name: Text
    unit: str
    points: tuple[tuple[float, float], ...]
    mean_before: float | None = None
    band: tuple[float, float] | None = None

    @property
    def mean(self) -> float:
        """The mean of the day."""
        return sum(value for _, value in self.points) / len(self.points)

    @property
    def change_pct(self) -> float | None:
        """How far the day's mean is from that of the week before; nothing deviates from zero by a share."""
        if self.mean_before is None or self.mean_before <= 0:
            return None
        return (self.mean - self.mean_before) / self.mean_before * 100


class Certificate(msgspec.Struct, frozen=True):
    """A certificate with the days that it is still valid for."""

    name: str
    days_left: float


class Notices(msgspec.Struct, frozen=True):
    """What became of the notices of the day, and how many decisions not to tell anything there were, by reason."""

    sent: int = 0
    waiting: int = 0
    given_up: int = 0
    held: Mapping[str, int] = {}


class Changed(msgspec.Struct, frozen=True):
    """A file of the configuration that was found changed."""

    path: str
    at: float


class Day(msgspec.Struct, frozen=True):
    """The whole. `planned` is how many runs each check should have had; `now` is when the report was made."""

    day: date
    host: str
    since: float
    until: float
    now: float
    runs: tuple[Runs, ...]
    planned: dict[str, int]
    incidents: tuple[DayIncident, ...] = ()
    flips: tuple[StoredFlip, ...] = ()
    traffic: Traffic | None = None
    curves: tuple[Curve, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    notices: Notices = Notices()
    changes: tuple[Changed, ...] = ()
    notes: tuple[Message, ...] = ()
    unwell: tuple[tuple[str, Status], ...] = ()
    """Checks that were not well at the end, not measured for long, or of which the definition cannot be used."""

    @property
    def ran(self) -> int:
        """How many runs there were."""
        return sum(sum(runs.counts.values()) for runs in self.runs)

    @property
    def due(self) -> int:
        """How many there should have been."""
        return sum(self.planned.values())

    @property
    def status(self) -> Status:
        """The worst state that any run came to or any incident had; UNKNOWN where nothing ran."""
        ran = [status for runs in self.runs for status, count in runs.counts.items() if count]
        return worst([*ran, *(incident.status for incident in self.incidents)] if ran else [])

    @property
    def missed(self) -> dict[str, int]:
        """The checks that ran less often than planned, with how many runs are missing.

        A day may begin and end between two runs: of many, one is not missed.
        """
        ran = {runs.check: sum(runs.counts.values()) for runs in self.runs}
        short = {check: planned - ran.get(check, 0) for check, planned in self.planned.items()}
        return {check: n for check, n in short.items() if n > (1 if self.planned[check] > 2 else 0)}

    @property
    def quiet(self) -> bool:
        """Whether nothing happened: every run was OK, none is missing, and nobody waits for a notice."""
        waits = self.notices.waiting or self.notices.given_up
        return self.status is Status.OK and not (self.incidents or self.missed or self.unwell or waits)
