"""From single results to a confirmed state: takes the previous State and a new result, returns the next and a Flip.

`for: k of n`: k bad results among the newest n confirm a problem, k good ones among the newest n end it, as long as not
k are bad as well. UNKNOWN says nothing about a fault, so it neither confirms nor ends one; where no fault stands, k of
them in a row make the state UNKNOWN, and one good result ends that. Before anything is confirmed it is UNKNOWN.
What rests on several values already counts at once. A value that was bad and has not come back as far as its rule's
`clear` wants is no good result for a fault that stands (`judge.hysteresis`).
"""

from __future__ import annotations

from collections import Counter

from opskit.judge.flapping import flapping_since, ringed
from opskit.model.check import Check
from opskit.model.state import Flip, State
from opskit.model.status import Status, worst
from opskit.model.verdict import Verdict

PATIENCE = 3  # intervals without a result until a state is stale


def settle(check: Check, previous: State | None, verdict: Verdict, summary: str) -> tuple[State, Flip | None]:
    """Return the state after `verdict`, and the flip where the confirmed state changed."""
    before = previous.recent if previous else ()
    recent = (*before, _counted(previous, verdict))[-check.sustain.n :]
    confirmed = _confirmed(previous.hard if previous else None, recent, check.sustain.k)
    at_once = worst(item.status for item in verdict.items if item.sustained)
    if at_once in {Status.WARNING, Status.CRITICAL} and at_once.severity > confirmed.severity:
        confirmed = at_once
    changed = previous is None or confirmed is not previous.hard
    since = verdict.at if changed or previous is None else previous.since
    ring = ringed(previous.ring if previous else (), confirmed)
    flapped = previous.flapping_since if previous else None
    state = State(
        check=check.id,
        hard=confirmed,
        seen=verdict.status,
        since=since,
        at=verdict.at,
        valid_until=verdict.at + PATIENCE * check.every,
        recent=recent,
        ring=ring,
        flapping_since=flapping_since(flapped, ring, verdict.at, verdict.at - since, check.every),
    )
    if not changed or (previous is None and confirmed is Status.OK):
        return state, None
    return state, Flip(check.id, previous.hard if previous else None, confirmed, verdict.at, summary)


def _counted(previous: State | None, verdict: Verdict) -> Status:
    """Return what a result counts as: while a fault stands, one that is held back by `clear` is no good one."""
    stands = previous is not None and previous.hard in {Status.WARNING, Status.CRITICAL}
    if not stands or verdict.status is Status.UNKNOWN:
        return verdict.status
    return worst([verdict.status, *verdict.held.values()])


def _confirmed(hard: Status | None, recent: tuple[Status, ...], k: int) -> Status:
    """Return the state that the newest results confirm, or the one that stood before."""
    count = Counter(recent)
    if count[Status.CRITICAL] >= k:
        return Status.CRITICAL
    if count[Status.CRITICAL] + count[Status.WARNING] >= k:
        # Enough bad results, not enough critical ones: what was CRITICAL stays so while a critical one is in sight.
        return Status.CRITICAL if hard is Status.CRITICAL and count[Status.CRITICAL] else Status.WARNING
    if hard in {Status.WARNING, Status.CRITICAL}:
        # Only a good look ends a confirmed fault: not that the bad results grew old while nobody could look.
        return Status.OK if recent[-1] is Status.OK and count[Status.OK] >= k else hard
    if recent[-1] is Status.OK:
        return Status.OK  # not having been able to look was no fault: one good look ends it
    in_the_dark = len(recent) >= k and all(status is Status.UNKNOWN for status in recent[-k:])
    return hard if hard is Status.OK and not in_the_dark else Status.UNKNOWN
