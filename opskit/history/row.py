"""What the memory holds, row by row, for whoever moves it elsewhere. The kinds are those of an export's lines."""

from __future__ import annotations

import msgspec

from opskit.history.incident import Decided, NewNotice, Said
from opskit.history.records import KeptTriage
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict


class StateRow(msgspec.Struct, frozen=True, tag="state", tag_field="kind"):
    """A check with its newest verdict. The rows of its numbers come after it."""

    state: State
    verdict: Verdict
    seconds: float


class RunRow(msgspec.Struct, frozen=True, tag="run", tag_field="kind"):
    """One run of a check."""

    check: str
    at: float
    status: Status
    seconds: float


class Named(msgspec.Struct, frozen=True):
    """The series that a number belongs to."""

    check: str
    metric: str
    labels: dict[str, str]
    basis: str
    unit: str


class SampleRow(Named, frozen=True, tag="sample", tag_field="kind"):
    """One value as it was measured."""

    at: float
    value: float


class RollupRow(Named, frozen=True, tag="rollup", tag_field="kind"):
    """The `n` values of the `span` seconds from `at` on."""

    at: int
    span: int
    n: int
    low: float
    mean: float | None
    high: float


class LevelRow(Named, frozen=True, tag="accepted", tag_field="kind"):
    """A level that an operator accepted."""

    since: float
    factor: float
    flat: float | None
    at: float


class IncidentRow(msgspec.Struct, frozen=True, tag="incident", tag_field="kind"):
    """An incident, with what was decided about it. Its flips and notices come after it."""

    seed: str
    opened_at: float
    closed_at: float | None
    said: Said
    decisions: tuple[Decided, ...]


class FlipRow(msgspec.Struct, frozen=True, tag="flip", tag_field="kind"):
    """A change of state; `thread` is the seed of its incident."""

    check: str
    thread: str | None
    before: Status | None
    after: Status
    at: float
    summary: str
    items: tuple[Item, ...]


class NoticeRow(msgspec.Struct, frozen=True, tag="notice", tag_field="kind"):
    """What was said about an incident, or about none, and what became of it on one channel."""

    seed: str
    thread: str | None
    at: float
    notice: NewNotice
    channel: str
    attempts: int
    sent_at: float | None
    dropped_at: float | None
    reason: str | None
    error: str | None


class SilenceRow(msgspec.Struct, frozen=True, tag="silence", tag_field="kind"):
    """A time in which somebody wants to hear nothing of some checks."""

    pattern: str
    since: float
    until: float
    by: str
    note: str


class TriageRow(msgspec.Struct, frozen=True, tag="triage", tag_field="kind"):
    """A diagnosis that was kept."""

    kept: KeptTriage


Row = StateRow | RunRow | SampleRow | RollupRow | LevelRow | IncidentRow | FlipRow | NoticeRow | SilenceRow | TriageRow
