"""Whether a series has become slower by so little a day that no average of a week shows it.

Growth of up to 8 % a day never exceeds a 7-day mean by 30 %. So the median of the last day is held against the trimmed
mean of a week that ended 28 days ago, or as long ago as the series reaches, but 7 days at least. A day that is as slow
as the same day of that week was is no growth: Mondays may be slow every week.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from opskit.judge.average import median
from opskit.judge.perfdata import decimal
from opskit.model.message import Message, say

_HOUR_S = 3_600.0
_DAY_S = 86_400.0
_WEEK_S = 7 * _DAY_S
_BEHIND_S = 28 * _DAY_S
_FEWEST = 8
_TRIMMED = 0.1
_HIGH, _CALM = 1.3, 1.15
_ENOUGH = 3


class Drift:
    """Looks once an hour; three looks in a row raise it."""

    def __init__(self) -> None:
        self.alarm = False
        self._hour = -math.inf
        self._agreed = 0
        self._week, self._mean = (0, 0), 0.0

    def take(self, at: float, times: Sequence[float], values: Sequence[float]) -> Message | None:
        """Look at a series that ends at `at`, times rising, and return what changed, if anything did."""
        hour = at // _HOUR_S
        if hour == self._hour or at - times[0] < 2 * _WEEK_S:
            return None
        self._hour = hour
        then = self._reference(at, times, values)
        now = values[bisect_left(times, at - _DAY_S) :]
        return self._judge(median(now), then) if then is not None and len(now) >= _FEWEST else None

    def _reference(self, at: float, times: Sequence[float], values: Sequence[float]) -> _Reference | None:
        """Return the trimmed mean of the week that ended 28 days ago, or else of the first; None where it is empty."""
        end = max(at - _BEHIND_S, times[0] + _WEEK_S)
        week = bisect_left(times, end - _WEEK_S), bisect_left(times, end)
        if week[1] - week[0] < _FEWEST:
            return None
        if week != self._week:  # up to day 35 it is the same one at every look
            self._week, self._mean = week, _trimmed(values[slice(*week)])
        same = at - math.ceil((at - end) / _WEEK_S) * _WEEK_S
        day = values[bisect_left(times, same - _DAY_S) : bisect_left(times, same)]
        return _Reference(self._mean, (at - end) / _DAY_S, median(day) if len(day) >= _FEWEST else 0.0)

    def _judge(self, now: float, then: _Reference) -> Message | None:
        grown = now > _HIGH * then.value and now > _CALM * then.same_day
        self._agreed = self._agreed + 1 if grown else 0
        percent = f"{(now / then.value - 1) * 100:+.0f}"
        figures = {"now": shown(now), "then": shown(then.value), "percent": percent, "days": str(round(then.days))}
        if not self.alarm and self._agreed >= _ENOUGH:
            self.alarm = True
            return say(
                "the median of the last day is {now}, that of the week that ended {days} days ago was {then} "
                "({percent} %)",
                **figures,
            )
        if self.alarm and now < _CALM * then.value:
            self.alarm = False
            return say(
                "no drift any more: the median of the last day is {now}, that of the week that ended {days} days ago "
                "was {then} ({percent} %)",
                **figures,
            )
        return None


class _Reference(NamedTuple):
    value: float
    days: float
    same_day: float


def _trimmed(values: Sequence[float]) -> float:
    week = sorted(values)
    cut = int(len(week) * _TRIMMED)
    kept = week[cut : len(week) - cut]
    return math.fsum(kept) / len(kept)


def shown(value: float) -> str:
    """Return a latency with three digits."""
    return decimal(float(f"{value:.3g}"))
