"""Whether a series of latencies has become slower than it usually is at this time of day: the alarm, value by value.

The user's contract, 30 % above the average of the last 7 days, is what is printed; as an alarm it would fire in every
busy hour and fall silent as soon as the average has learned the fault. So a value counts as high only against the same
time of day and above what was usual there anyway, several of the newest have to be high, what is learned is cut off at
the limit, and an alarm ends only when the values are well below it. A fault that creeps is for `drift`.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import deque
from itertools import chain, compress
from typing import Literal, NamedTuple

import msgspec

from opskit.judge.average import mean
from opskit.judge.drift import Drift, shown
from opskit.judge.perfdata import decimal
from opskit.model.message import Message, say

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
_AROUND_S = 7_200.0
_ENOUGH = 50
_ENOUGH_S = 3 * DAY_S
_ENOUGH_AROUND = 20
_STALE = 3  # intervals without a value
_SPAN_S = 5_400.0
_FEWEST, _MOST = 3, 12
_BITS = 60

Kind = Literal["RAISE", "CLEAR", "DRIFT", "INFO"]


class Limits(msgspec.Struct, frozen=True):
    """When a value is high, warm or fast, as parts of the baseline, and how many of the newest `n` decide.

    `k` high ones raise the alarm; it is cleared when no more than `calm` are warm. `floor` is the least distance to the
    baseline, in the unit of the series; `interval` is that of the values, in seconds.
    """

    interval: float = 900.0
    k: int = 4
    n: int = 6
    calm: int = 1
    high: float = 1.3
    warm: float = 1.15
    fast: float = 0.7
    floor: float = 0.0


def limits(interval: float) -> Limits:
    """Return the limits for values every `interval` seconds: an hour to an hour and a half of them decide.

    8 of 12 every 5 minutes, 4 of 6 every 15, 2 of 3 every hour.
    """
    n = min(_MOST, max(_FEWEST, round(_SPAN_S / interval)))
    return Limits(interval, k=math.ceil(n * 2 / 3), n=n, calm=n // 6)


class Event(msgspec.Struct, frozen=True):
    """Something that changed at `at`, in epoch seconds."""

    at: float
    kind: Kind
    reason: Message


class Usual(msgspec.Struct, frozen=True):
    """What a value is held against: the baseline and the 90th percentile of the same time of day, and the plain mean.

    The baseline is the mean of what was learned; `mean` that of all values of the last 7 days. `known` counts them.
    """

    baseline: float
    p90: float
    mean: float
    known: int


class _Look(msgspec.Struct, frozen=True):
    high: bool
    warm: bool
    fast: bool


class _Base(NamedTuple):
    """The baseline and the parts that it is of: their percentile takes long and is wanted seldom."""

    value: float
    spans: list[tuple[int, int]]
    start: int


class Watch:
    """A series as it comes in. Values are positive and finite, times in epoch seconds and rising."""

    def __init__(self, rule: Limits) -> None:
        self.alarm = self.fast = False
        self.learning: bool | None = None
        self._rule = rule
        self._times, self._values, self._calm = list[float](), list[float](), list[bool]()
        self._learned = [0]  # sums; whole numbers, because a sum of floats forgets the others after one absurd value
        self._newest: deque[_Look] = deque(maxlen=rule.n)
        self._drift = Drift()

    def take(self, at: float, value: float) -> list[Event]:
        """Judge the next value, learn from it, and return what changed. ValueError for one that is not the next."""
        if not (math.isfinite(value) and value > 0) or (self._times and at <= self._times[-1]):
            raise ValueError(f"{value} at {at} is no value that could come next")
        events = self._stale(at)
        base = self._base(at)
        events += self._phase(at, base)
        self._newest.append(self._look(value, base))
        events += self._change(at, value, base)
        self._times.append(at)
        self._values.append(value)
        self._calm.append(not self.alarm)
        learned = value if base is None else min(value, self._rule.high * base.value)
        self._learned.append(self._learned[-1] + _fixed(learned))
        changed = self._drift.take(at, self._times, self._values)
        return events + ([Event(at, "DRIFT" if self._drift.alarm else "INFO", changed)] if changed else [])

    @property
    def drifting(self) -> bool:
        """Whether the series has become slower over weeks."""
        return self._drift.alarm

    def usual(self, at: float) -> Usual | None:
        """Return what is usual at a time, from the 7 days before it; None while too little is known."""
        base = self._base(at)
        return None if base is None else self._usual(base)

    def _usual(self, base: _Base) -> Usual:
        week = self._values[base.start :]
        return Usual(base.value, self._p90(base.spans), mean(week), len(week))

    def _base(self, at: float) -> _Base | None:
        start = bisect_left(self._times, at - WEEK_S)
        if len(self._times) - start < _ENOUGH or self._times[-1] - self._times[start] < _ENOUGH_S:
            return None
        spans = self._same_time_of_day(at, start)
        if sum(end - begin for begin, end in spans) < _ENOUGH_AROUND:
            spans = [(start, len(self._times))]
        number = sum(end - begin for begin, end in spans)
        total = sum(self._learned[end] - self._learned[begin] for begin, end in spans)
        return _Base(total / (number << _BITS), spans, start)

    def _p90(self, spans: list[tuple[int, int]]) -> float:
        """Return the 90th percentile without what an alarm has told of: half a day of it would hide the next fault."""
        known = [(self._values[begin:end], self._calm[begin:end]) for begin, end in spans]
        values = sorted(chain.from_iterable(compress(*one) for one in known)) or sorted(chain(*(v for v, _ in known)))
        return values[math.ceil(0.9 * len(values)) - 1]

    def _same_time_of_day(self, at: float, start: int) -> list[tuple[int, int]]:
        """Return the parts of the last 7 days that are within two hours of this time of day."""
        spans = list[tuple[int, int]]()
        for days in range(8):
            middle = at - days * DAY_S
            begin = max(start, bisect_left(self._times, middle - _AROUND_S))
            end = bisect_left(self._times, math.nextafter(middle + _AROUND_S, math.inf))
            spans.append((begin, max(begin, end)))
        return spans

    def _look(self, value: float, base: _Base | None) -> _Look:
        rule = self._rule
        if base is None:
            return _Look(high=False, warm=False, fast=False)
        high = value > rule.high * base.value and value - base.value > rule.floor and value > self._p90(base.spans)
        return _Look(high=high, warm=value > rule.warm * base.value, fast=value < rule.fast * base.value)

    def _stale(self, at: float) -> list[Event]:
        """Tell of a gap; what was before it says nothing about now."""
        if not self._times or at - self._times[-1] <= _STALE * self._rule.interval:
            return []
        self._newest.clear()
        minutes = decimal(round((at - self._times[-1]) / 60, 1))
        since = self._times[-1] + _STALE * self._rule.interval
        return [Event(since, "INFO", say("stale: no value for {minutes} minutes", minutes=minutes))]

    def _phase(self, at: float, base: _Base | None) -> list[Event]:
        """Tell when learning begins and ends."""
        before, self.learning = self.learning, base is None
        if self.learning is before:
            return []
        if base is None:
            text = say("learning: no judgement before {enough} values over 3 days are known", enough=_ENOUGH)
            return [Event(at, "INFO", text)]
        known = len(self._times) - base.start
        return [Event(at, "INFO", say("learned from {known} values; judging begins", known=known))]

    def _change(self, at: float, value: float, base: _Base | None) -> list[Event]:
        rule, newest = self._rule, self._newest
        high, warm = sum(look.high for look in newest), sum(look.warm for look in newest)
        if not self.alarm and base is not None and high >= rule.k:
            self.alarm = True
            return [Event(at, "RAISE", _told(value, self._usual(base), high, rule))]
        if self.alarm and (base is None or len(newest) - warm >= rule.n - rule.calm):
            self.alarm = False
            return [Event(at, "CLEAR", _calm(value, base, warm, rule))]
        return self._faster(at, value, base)

    def _faster(self, at: float, value: float, base: _Base | None) -> list[Event]:
        """Tell of faster answers, which are no alarm; but an empty answer is fast too."""
        fast = sum(look.fast for look in self._newest)
        before, self.fast = self.fast, fast >= self._rule.k or (self.fast and fast > self._rule.calm)
        if base is None or before or not self.fast:
            return []
        text = say(
            "faster: {value} against a baseline of {base}; look whether the answers are complete",
            value=shown(value),
            base=shown(base.value),
        )
        return [Event(at, "INFO", text)]


def _fixed(value: float) -> int:
    return int(math.ldexp(value, _BITS)) if value < 1e200 else int(value) << _BITS


def _told(value: float, usual: Usual, high: int, rule: Limits) -> Message:
    return say(
        "{high} of the last {n} values are over {limit} (the baseline of {base} for this time of day + 30 %), and over "
        "its 90th percentile of {p90}; the newest is {value}, the 7-day average {mean} ({percent} %)",
        high=high,
        n=rule.n,
        limit=shown(rule.high * usual.baseline),
        base=shown(usual.baseline),
        p90=shown(usual.p90),
        value=shown(value),
        percent=f"{(value / usual.mean - 1) * 100:+.0f}",
        mean=shown(usual.mean),
    )


def _calm(value: float, base: _Base | None, warm: int, rule: Limits) -> Message:
    if base is None:
        return say("too few values are left to compare with")
    return say(
        "{warm} of the last {n} values are over {limit} (the baseline of {base} + 15 %); the newest is {value}",
        warm=warm,
        n=rule.n,
        limit=shown(rule.warm * base.value),
        base=shown(base.value),
        value=shown(value),
    )
