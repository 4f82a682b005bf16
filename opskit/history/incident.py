"""An incident as the memory gives it back: the flips of checks that stand on each other, told as one story.

Made by `history.incidents` out of rows; `notify.decide` judges it and the reports tell it. Times are epoch seconds.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from opskit.model.status import Status, worst
from opskit.model.verdict import Item


class Kin(msgspec.Struct, frozen=True):
    """What an incident must hold for a flip to join it: one of `checks`, whose newest flip is at most `within` old."""

    checks: frozenset[str] = frozenset()
    within: float = 0.0


class Member(msgspec.Struct, frozen=True):
    """A check of an incident. `hard` is its state now and `worst` the worst it had in the incident, `joined_at` since.

    It was measured last at `at`. `summary`, `items` and `newest`, the state, are those of its newest flip in the
    incident: of a check that was taken away that flip is not into OK, whatever `hard` is.
    """

    check: str
    hard: Status
    worst: Status
    since: float
    joined_at: float
    at: float
    valid_until: float
    flapping_since: float | None
    summary: str
    items: tuple[Item, ...] = ()
    newest: Status = Status.OK


class Said(msgspec.Struct, frozen=True):
    """What the notices of an incident have said so far: its state, which checks were bad, when, and how many they were.

    `reminders` counts since the last news; `flapping` is whether the last one said so. Nothing was said while `status`
    is None.
    """

    status: Status | None = None
    checks: tuple[str, ...] = ()
    at: float = 0.0
    count: int = 0
    reminders: int = 0
    flapping: bool = False


class Ack(msgspec.Struct, frozen=True):
    """Somebody knows of it, and wants no reminders until a time, unless it gets worse than `status`."""

    until: float
    status: Status
    by: str = ""
    note: str = ""
    at: float = 0.0


class Decided(msgspec.Struct, frozen=True):
    """A decision about an incident: `action` and `reason` as in `notify.moment`, `until` when it ends by itself."""

    at: float
    action: str
    reason: str
    until: float | None = None


class Incident(msgspec.Struct, frozen=True):
    """One incident. It is closed when no check of it is bad or flaps; `triage` is the number of its diagnosis.

    `last` is the newest decision about it.
    """

    id: int
    seed: str
    opened_at: float
    closed_at: float | None
    settled: bool
    version: int
    said: Said
    members: tuple[Member, ...]
    last: Decided | None = None
    triage: int | None = None
    ack: Ack | None = None

    @property
    def status(self) -> Status:
        """The worst state of its checks now."""
        return worst(member.hard for member in self.members)

    @property
    def worst(self) -> Status:
        """The worst state that any of its checks had."""
        return worst(member.worst for member in self.members)

    @property
    def flaps(self) -> bool:
        """Whether a check of it flaps."""
        return any(member.flapping_since is not None for member in self.members)


class Silence(msgspec.Struct, frozen=True):
    """From `since` until `until` nothing is sent about checks whose names match `pattern`."""

    id: int
    pattern: str
    since: float
    until: float
    by: str
    note: str

    def covers(self, check: str) -> bool:
        """Whether it is about a check."""
        return fnmatchcase(check, self.pattern)


class NewNotice(msgspec.Struct, frozen=True):
    """A notice to keep and to deliver; `content` is JSON, for those who made it: the memory does not look inside."""

    kind: str
    content: str


class StoredNotice(msgspec.Struct, frozen=True):
    """A notice with its delivery by one channel.

    `seed` is 32 hex digits, made once: a repeated delivery carries the same name. `thread` is the seed of its incident,
    so that its end can be filed with its beginning. It is open while `sent_at` and `dropped_at` are None.
    """

    id: int
    incident: int | None
    seed: str
    thread: str
    at: float
    kind: str
    content: str
    channel: str
    attempts: int = 0
    superseded: bool = False
    tried_at: float | None = None
    retry_at: float | None = None
    sent_at: float | None = None
    dropped_at: float | None = None
    reason: str | None = None
    error: str | None = None
