"""The slowest requests of access logs, each with what the log knows of it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

import msgspec

from opskit.logs.account import Account, Span
from opskit.logs.bounds import Bounds
from opskit.logs.reading import read
from opskit.logs.redact import redact
from opskit.logs.request import Request
from opskit.logs.shape import Columns, Row, Value

TOLD = (
    "duration_s",
    "at",
    "status",
    "method",
    "path",
    "client",
    "user",
    "request_id",
    "first_byte_s",
    "upstream_status",
)
_LONGEST = 2000


class SlowQuery(Span, frozen=True, kw_only=True):
    """The `n` slowest, of at least `over_s` seconds."""

    n: int = 10
    over_s: float = 0.0


class Slow(msgspec.Struct, frozen=True):
    """The answer: the slowest first, without secrets.

    `timed` requests of the window have a duration, `over` of them are long enough.
    """

    window: tuple[float | None, float | None]
    account: Account
    timed: int
    over: int
    slowest: tuple[Request, ...]


def slow(query: SlowQuery) -> Slow:
    """Read the logs once. ValueError names a format that is not known."""
    found = _Slowest(query)
    account = read(query, found)
    ranked = [told for *_, told in sorted(found.heap, reverse=True)]
    requests = tuple(Request(**dict(zip(TOLD, map(_clean, told), strict=True))) for told in ranked)
    return Slow((query.since, query.until), account, found.timed, found.over, requests)


class _Slowest:
    """The `n` slowest so far, as a heap whose first is the fastest of them."""

    def __init__(self, query: SlowQuery) -> None:
        self._bounds = Bounds(query.since, query.until)
        self.fields = tuple(dict.fromkeys((*TOLD, *self._bounds.fields)))
        self.timed = self.over = 0
        self.heap = list[tuple[Any, ...]]()
        self._n, self._over_s = query.n, query.over_s
        self._floor = query.over_s

    def rows(self, columns: Columns, rows: list[Row]) -> None:
        rows = self._bounds.kept(columns, rows)
        durations = list(columns.column(rows, "duration_s", _number))
        timed = [duration for duration in durations if duration >= 0]
        self.timed += len(timed)
        self.over += sum(duration >= self._over_s for duration in timed)
        long = [row for row, duration in zip(rows, durations, strict=True) if duration >= self._floor]
        for told in columns.keys(long, [(field, _cut) for field in TOLD]):
            self._take(told)

    def request(self, request: Request) -> None:
        if self._bounds.holds(request) and request.duration_s is not None:
            self.timed += 1
            self.over += request.duration_s >= self._over_s
            self._take(tuple([_cut(getattr(request, field)) for field in TOLD]))

    def _take(self, told: tuple[Any, ...]) -> None:
        """Keep a request that is one of the slowest; of equals the later, in whatever order they come."""
        if told[0] < self._floor or self._n < 1:
            return
        heapq.heappush(self.heap, (*told[:2], repr(told), told))
        if len(self.heap) > self._n:
            heapq.heappop(self.heap)
            self._floor = max(self._floor, self.heap[0][0])

    def settle(self) -> None:
        """Nothing waits."""

    def parts(self) -> Iterator[Any]:
        yield self.timed, self.over, [told for *_, told in self.heap]

    def join(self, part: Any) -> None:
        timed, over, slowest = part
        self.timed += timed
        self.over += over
        for told in slowest:
            self._take(told)


def _number(value: Value) -> float:
    return value if isinstance(value, float | int) else -1.0


def _clean(value: Any) -> Any:
    return redact(value) if isinstance(value, str) else value


def _cut(value: Value) -> Value:
    return value[:_LONGEST] if isinstance(value, str) else value
