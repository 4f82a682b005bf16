"""A level that an operator declares the usual one, after a larger model or a slower card that is here to stay.

The past is not forgotten, which would leave the series without a judgement for days, but seen from the new level: what
was measured before a step counts as often as the step is high, so that busy hours stay busy hours; what was measured
before a slow growth counts as the level that it has come to.
"""

from __future__ import annotations

from opskit.judge.average import median
from opskit.judge.baseline import DAY_S, WEEK_S, Limits, Watch
from opskit.judge.level import Level
from opskit.judge.usual import Series, latencies, standing


def acceptable(values: Series, rule: Limits) -> Level | None:
    """Return the level that a series stands at, None where it is as usual and there is nothing to accept."""
    known = list(latencies(values))
    found = standing(known, rule)
    if found.event is None:
        return None
    if found.phase == "drifting":
        newest = known[-1][0]
        return Level(newest - WEEK_S, flat=median(value for at, value in known if at >= newest - DAY_S))
    raised = next(number for number, (at, _) in enumerate(known) if at == found.event.at)
    return _step(known, rule, known[max(0, raised - rule.k + 1)][0])


def _step(known: Series, rule: Limits, since: float) -> Level | None:
    """Return how many times the values since then are what was usual at their time of day."""
    watch = Watch(rule)
    for at, value in known:
        if at < since:
            watch.take(at, value)
    times = [value / usual.baseline for at, value in known if at >= since and (usual := watch.usual(at)) is not None]
    return Level(since, median(times)) if times else None
