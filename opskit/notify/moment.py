"""What a decision about an incident looks at, and what it comes to. `app.announce` makes it for `notify.decide`."""

from __future__ import annotations

import enum
from typing import Literal

import msgspec

from opskit.history.incident import Incident, Member, Said
from opskit.model.status import Status

Action = Literal["send", "wait", "hold", "end"]
"""`wait`: until a time; `hold`: until something changes, or a time; `end`: there is nothing to tell any more."""


class Reason(enum.Enum):
    """Why an incident is told, or is not. The value is the word that the history keeps."""

    PROBLEM = "problem"
    WORSE = "worse"
    MORE = "more"
    EASED = "eased"
    FLAPPING = "flapping"
    STILL_FLAPPING = "still-flapping"
    STEADY = "steady"
    HOLD_OVER = "hold-over"
    REMINDER = "reminder"
    RECOVERY = "recovery"
    RETIRED = "retired"
    NOT_KNOWING = "not-knowing"
    NOT_ANNOUNCED = "not-announced"
    ONLY_WARNING = "only-warning"
    GROUP_WAIT = "group-wait"
    GROUP_INTERVAL = "group-interval"
    UNKNOWN_WAIT = "unknown-wait"
    SILENCED = "silenced"
    ACKNOWLEDGED = "acknowledged"
    QUIET_HOURS = "quiet-hours"
    TOLD_ALREADY = "told-already"
    RATE_LIMIT = "rate-limit"


class Policy(msgspec.Struct, frozen=True):
    """The settings of these decisions. Times are in seconds; states below `least` are for the report."""

    least: Status = Status.CRITICAL
    group_wait: float = 30.0
    group_interval: float = 300.0
    reminder: float = 3600.0
    reminder_most: float = 86_400.0
    unknown_after: float = 3600.0
    per_hour: int = 20


class Moment(msgspec.Struct, frozen=True):
    """An incident at `now`, and what bears upon it.

    `silenced_until` is when the silence ends that covers every bad check of it, `quiet_until` when its state may be
    told again by the hour of day; None where nothing is silent. `hold_ended` is when a silence or an acknowledgement
    of it ended last. `told_lately` is how many notices of all incidents the last hour has seen.
    """

    incident: Incident
    now: float
    policy: Policy
    silenced_until: float | None = None
    quiet_until: float | None = None
    hold_ended: float | None = None
    told_lately: int = 0
    patient: bool = True
    """Whether this is asked again soon: whoever comes by seldom does not wait for a group to be complete."""

    @property
    def said(self) -> Said:
        """What was said so far. What was said in the future was said before the clock was set back."""
        said = self.incident.said
        return said if said.at <= self.now else msgspec.structs.replace(said, at=0.0)

    @property
    def dark(self) -> tuple[Member, ...]:
        """The checks of which nobody knows whether they are well."""
        return tuple(member for member in self.incident.members if member.hard is Status.UNKNOWN)

    @property
    def bad(self) -> tuple[Member, ...]:
        """The checks that are bad enough to be told, or not known where nothing is bad."""
        status = self.incident.status
        least = min(self.policy.least.severity, status.severity)
        return tuple(m for m in self.incident.members if m.hard is not Status.OK and m.hard.severity >= least)


class Decision(msgspec.Struct, frozen=True):
    """The answer with its reason; `until` is when it is worth asking again though nothing has changed.

    `kept` is why it would have been told, where there were too many notices.
    """

    action: Action
    reason: Reason
    until: float | None = None
    kept: Reason | None = None
