"""From single results to a confirmed state: takes the previous State and a new result, returns the next and a Flip.

`for: k of n`: k bad results among the newest n confirm a problem, k results that are not bad among the newest n end it.
UNKNOWN confirms and clears only itself: a probe that could not look says nothing about the fault it looked for.
"""

from __future__ import annotations

from opskit.model.check import Check
from opskit.model.state import Flip, State
from opskit.model.status import Status, worst
from opskit.model.verdict import Verdict

_PATIENCE = 3  # intervals without a result until a state is stale


def settle(check: Check, previous: State | None, verdict: Verdict, summary: str) -> tuple[State, Flip | None]:
    """Return the state after `verdict`, and the flip where the confirmed state changed."""
    before = previous.recent if previous else ()
    recent = (*before, verdict.status)[-check.sustain.n :]
    confirmed = _confirmed(previous.hard if previous else None, recent, check.sustain.k)
    changed = previous is None or confirmed is not previous.hard
    state = State(
        check=check.id,
        hard=confirmed,
        seen=verdict.status,
        since=verdict.at if changed or previous is None else previous.since,
        at=verdict.at,
        valid_until=verdict.at + _PATIENCE * check.every,
        recent=recent,
    )
    if not changed or (previous is None and confirmed is Status.OK):
        return state, None
    return state, Flip(check.id, previous.hard if previous else None, confirmed, verdict.at, summary)


def _confirmed(hard: Status | None, recent: tuple[Status, ...], k: int) -> Status:
    """Return the state that the newest results confirm, or the one that stood before."""
    bad = [status for status in recent if status in {Status.WARNING, Status.CRITICAL}]
    critical = [status for status in bad if status is Status.CRITICAL]
    if len(critical) >= k:
        return Status.CRITICAL
    if len(bad) >= k:
        # Enough bad results, not enough critical ones: an incident that was CRITICAL stays so until it clears.
        return Status.CRITICAL if hard is Status.CRITICAL and critical else Status.WARNING
    newest = recent[-k:]
    if len(newest) == k and len(set(newest)) == 1 and newest[0] in {Status.OK, Status.UNKNOWN}:
        return _calm(hard, newest[0])
    return hard if hard is not None else _first(recent)


def _calm(hard: Status | None, newest: Status) -> Status:
    """k results in a row were OK, or UNKNOWN. Not being able to look does not end a confirmed fault."""
    if newest is Status.UNKNOWN and hard in {Status.WARNING, Status.CRITICAL}:
        return hard
    return newest


def _first(recent: tuple[Status, ...]) -> Status:
    """Before anything is confirmed the state is what was seen so far, but a fault counts only once it is confirmed."""
    if Status.OK in recent:
        return Status.OK
    return worst(Status.UNKNOWN if status is not Status.OK else status for status in recent)
