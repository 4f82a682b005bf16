"""How much, how fast and how it ended: statuses, latency percentiles and requests per minute of access logs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from opskit.logs.account import Account, Span
from opskit.logs.bounds import Bounds
from opskit.logs.reading import read
from opskit.logs.request import Request
from opskit.logs.shape import Columns, Row

_MANY = 50_000
_DIGITS = 4
_GAP_MIN = 10
_GAPS = 5


class Latency(msgspec.Struct, frozen=True):
    """Durations in seconds. `field` is what the log calls them, None where it has none.

    Percentiles are nearest-rank: durations that occurred, which half, 95 % and 99 % of the requests did not exceed.
    `rounded` where there were too many different ones to keep, and they have 4 digits.
    """

    field: str | None
    count: int
    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    rounded: bool


class Stats(msgspec.Struct, frozen=True):
    """The answer for requests that ended in the window.

    `by_class` has the latency of `2xx`, `5xx` and so on: failures are often fast, and would make all look well.
    `per_minute` counts by the epoch second at which each minute begins; `first` and `last` are epoch seconds; `gaps`
    are the longest stretches of at least ten minutes without a request, as pairs of epoch seconds.
    """

    window: tuple[float | None, float | None]
    account: Account
    by_status: dict[str, int]
    latency: Latency
    by_class: dict[str, Latency]
    per_minute: dict[int, int]
    first: float | None
    last: float | None
    gaps: tuple[tuple[int, int], ...]


def stats(span: Span) -> Stats:
    """Read the logs once. ValueError names a format that is not known."""
    found = _Collected(span)
    account = read(span, found)
    found.settle()
    classes = {f"{status}xx": counts for status, counts in sorted(found.durations.items())}
    everything: Counter[float] = sum(classes.values(), Counter())
    return Stats(
        window=(span.since, span.until),
        account=account,
        by_status={f"{status:03d}": number for status, number in sorted(found.statuses.items())},
        latency=found.latency(everything),
        by_class={name: found.latency(counts) for name, counts in classes.items()},
        per_minute={minute * 60: number for minute, number in sorted(found.minutes.items())},
        first=min(found.ends, default=None),
        last=max(found.ends, default=None),
        gaps=_gaps(sorted(found.minutes)),
    )


def _gaps(minutes: list[int]) -> tuple[tuple[int, int], ...]:
    """Return where neighbours in a list of busy minutes are far apart."""
    found = [(one * 60 + 60, other * 60) for one, other in pairwise(minutes)]
    longest = sorted((gap for gap in found if gap[1] - gap[0] >= _GAP_MIN * 60), key=lambda gap: gap[0] - gap[1])
    return tuple(sorted(longest[:_GAPS]))


class _Collected:
    """Counters in bounded memory."""

    def __init__(self, span: Span) -> None:
        self._bounds = Bounds(span.since, span.until)
        self.fields = tuple(dict.fromkeys(("status", "duration_s", "at", *self._bounds.fields)))
        self.statuses: Counter[int] = Counter()
        self.minutes: Counter[int] = Counter()
        self.durations: dict[int, Counter[float]] = {}
        self.ends: tuple[float, ...] = ()
        self._field: str | None = None
        self._rounded = False
        self._raw: dict[Columns, Counter[Any]] = {}

    def rows(self, columns: Columns, rows: list[Row]) -> None:
        rows = self._bounds.kept(columns, rows)
        self._field = self._field or columns.names.get("duration_s")
        pairs = self._raw.setdefault(columns, Counter())
        pairs.update(columns.texts(rows, ("status", "duration_s")))
        for (at,), number in columns.read(Counter(columns.texts(rows, ("at",))), ("at",)):
            self._time(at, number)
        if len(pairs) > _MANY:
            self.settle()

    def request(self, request: Request) -> None:
        if self._bounds.holds(request):
            self._time(request.at, 1)
            self._ended(request.status, request.duration_s, 1)

    def settle(self) -> None:
        """Turn what was counted as raw texts into numbers."""
        for columns, pairs in self._raw.items():
            for (status, duration), number in columns.read(pairs, ("status", "duration_s")):
                self._ended(status, duration, number)
        self._raw.clear()

    def _time(self, at: float, number: int) -> None:
        self.minutes[math.floor(at / 60)] += number
        self.ends = (min(at, *self.ends), max(at, *self.ends)) if self.ends else (at, at)

    def _ended(self, status: int | None, duration: float | None, number: int) -> None:
        if status is not None:
            self.statuses[status] += number
        if duration is not None:
            self._took((status or 0) // 100, duration, number)

    def _took(self, group: int, duration: float, number: int) -> None:
        counts = self.durations.setdefault(group, Counter())
        counts[self._kept(duration)] += number
        if len(counts) > _MANY and not self._rounded:
            self._round()

    def _kept(self, duration: float) -> float:
        return float(f"{duration:.{_DIGITS}g}") if self._rounded else duration

    def _round(self) -> None:
        self._rounded = True
        for status, counts in self.durations.items():
            fewer: Counter[float] = Counter()
            for duration, number in counts.items():
                fewer[self._kept(duration)] += number
            self.durations[status] = fewer

    def latency(self, counts: Counter[float]) -> Latency:
        """Return what the durations say."""
        total, ordered = counts.total(), sorted(counts.items())
        p50, p95, p99, most = (_at_rank(ordered, math.ceil(total * share)) for share in (0.5, 0.95, 0.99, 1.0))
        field = (self._field or "duration") if self.durations else None
        return Latency(field, total, p50, p95, p99, most, self._rounded)

    def parts(self) -> Iterator[Any]:
        self.settle()
        yield self._field, self._rounded, dict(self.statuses), dict(self.minutes), self.ends
        yield from ((status, dict(counts)) for status, counts in self.durations.items())

    def join(self, part: Any) -> None:
        if len(part) == 2:
            status, counts = part
            for duration, number in counts.items():
                self._took(status, duration, number)
            return
        field, rounded, statuses, minutes, ends = part
        self._field = self._field or field
        self.statuses.update(statuses)
        self.minutes.update(minutes)
        self.ends = (min(ends + self.ends), max(ends + self.ends)) if ends else self.ends
        if rounded and not self._rounded:
            self._round()


def _at_rank(ordered: list[tuple[float, int]], rank: int) -> float | None:
    """Return the value at a rank, counted from 1, of values with their numbers."""
    seen = 0
    for value, number in ordered:
        seen += number
        if seen >= rank:
            return value
    return None
