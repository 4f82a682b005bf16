"""Whether a check comes and goes so often that each single change is no news any more.

Nagios' measure: among the newest 21 confirmed states each change counts, the newest most (0.75 to 1.25 of it;
nagioscore base/flapping.c). Its thresholds are those compiled into Nagios, 30 % to begin and 20 % to end, and not the
5 % of its sample configuration, under which it takes nineteen quiet results to end. Unlike Nagios' it also ends with
time: a check that has stood still for half an hour and three runs does not flap, however often it changed before.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from opskit.model.status import Status

RING = 21
BEGIN_PCT, END_PCT = 30.0, 20.0
_OLDEST, _NEWEST = 0.75, 1.25
_STEADY_S, _STEADY_RUNS = 1800.0, 3
_WITHIN_S = 24 * 3600.0  # changes that are further apart than this are news, each of them


def ringed(ring: Sequence[Status], hard: Status) -> tuple[Status, ...]:
    """Return the newest confirmed states, oldest first, after one more. Not knowing is no state to change into."""
    return (*ring, *(() if hard is Status.UNKNOWN else (hard,)))[-RING:]


def changed_pct(ring: Sequence[Status]) -> float:
    """Return how much of the ring is change, in percent of a ring in which every state differs from the one before."""
    step = (_NEWEST - _OLDEST) / (RING - 2)
    begin = RING - len(ring)  # a short ring is one whose oldest states are the same
    changes = (number for number, (one, two) in enumerate(pairwise(ring), start=begin) if one is not two)
    return sum(_OLDEST + number * step for number in changes) / (RING - 1) * 100


def flapping_since(
    before: float | None, ring: Sequence[Status], at: float, steady_s: float, every: float
) -> float | None:
    """Return since when a check flaps, None where it does not.

    `before` is what was returned after the run before; `steady_s` how long the confirmed state has stood; `every` the
    seconds from run to run. A check that runs too seldom for its changes to follow each other does not flap.
    """
    if every * (RING - 1) > _WITHIN_S or steady_s >= max(_STEADY_S, _STEADY_RUNS * every):
        return None
    changed = changed_pct(ring)
    if before is None:
        return at if changed >= BEGIN_PCT else None
    return before if changed >= END_PCT else None
