"""What the memory gives back, and what it is asked to keep. All times are epoch seconds."""

from __future__ import annotations

import msgspec

from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict


class StoredFlip(msgspec.Struct, frozen=True):
    """A flip with the number of its incident, None where it belongs to none. `items` are those of its verdict."""

    id: int
    incident: int | None
    check: str
    before: Status | None
    after: Status
    at: float
    summary: str
    items: tuple[Item, ...] = ()


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


class Keep(msgspec.Struct, frozen=True):
    """How many days which numbers stay: samples as they were measured, their rollups of five minutes, those of an hour
    and whatever else is kept; and each single run of a check."""

    raw_days: float = 8.0
    fine_days: float = 90.0
    days: float = 400.0
    runs_days: float = 35.0


class Kept(msgspec.Struct, frozen=True):
    """So many rows of one kind, of the time from `first` to `last`; 0 where there is none."""

    kind: str
    count: int
    first: float
    last: float


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
