"""Whether a flip is news for anybody. Pure: `deliver` asks, acts on the answer and stores a "no" with its reason."""

from __future__ import annotations

import enum

import msgspec

from opskit.history.records import StoredFlip
from opskit.model.status import Status

# What happened longer ago, and is not so any more, is for the report: a channel that comes back after a week must
# not pour out the week.
NEWS_FOR_S = 24 * 3600.0


class Reason(enum.Enum):
    """Why a flip is told, or is not. The value is the word that the database carries."""

    PROBLEM = "problem"
    RECOVERY = "recovery"
    EASED = "eased"
    OVERTAKEN = "overtaken"
    NOT_KNOWING = "not-knowing"
    NOT_ANNOUNCED = "not-announced"
    ONLY_WARNING = "only-warning"
    ALREADY_EASED = "already-eased"


class Decision(msgspec.Struct, frozen=True):
    """The answer with its reason."""

    send: bool
    reason: Reason


def decide(flip: StoredFlip, now: float) -> Decision:
    """Return whether to tell the flip at `now` (epoch seconds). Everything before it in its check is settled."""
    # Old and not true any more. Old and still true is news, however late: nobody has heard of it.
    if flip.superseded and now - flip.at > NEWS_FOR_S:
        return Decision(False, Reason.OVERTAKEN)
    # A confirmed problem is always told, also where an earlier one of the same check was: better twice than never.
    if flip.after is Status.CRITICAL:
        return Decision(True, Reason.PROBLEM)
    # Not knowing neither ends a problem nor begins one; what was announced stays announced.
    if flip.after is Status.UNKNOWN:
        return Decision(False, Reason.NOT_KNOWING)
    # Nobody was alarmed, so nobody waits for the end. This is also the first result of a healthy check.
    if flip.after is Status.OK:
        return Decision(True, Reason.RECOVERY) if flip.announced_problem else Decision(False, Reason.NOT_ANNOUNCED)
    # A warning alone is for the report; after an alarm it says that the worst is over.
    if flip.told is Status.CRITICAL:
        return Decision(True, Reason.EASED)
    return Decision(False, Reason.ALREADY_EASED if flip.announced_problem else Reason.ONLY_WARNING)
