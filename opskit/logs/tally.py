"""How many requests ended with which status, slot by slot of a few minutes: what days are compared by."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from opskit.logs.account import Account, Span
from opskit.logs.bounds import Bounds
from opskit.logs.reading import read
from opskit.logs.request import Request
from opskit.logs.shape import Columns, Row, Value


class Tally(msgspec.Struct, frozen=True):
    """Requests by the slot that they ended in (its epoch second at the beginning) and by status."""

    account: Account
    slot_s: int
    counts: dict[tuple[int, int], int]


def tally(span: Span, slot_s: int, not_from: str = "") -> Tally:
    """Read the logs once, leaving out requests whose id begins with `not_from`.

    ValueError names a format that is not known.
    """
    found = _Collected(span, slot_s, not_from)
    account = read(span, found)
    return Tally(account, slot_s, dict(sorted(found.counts.items())))


class _Collected:
    """Counters that grow with the slots and never with the requests."""

    def __init__(self, span: Span, slot_s: int, not_from: str) -> None:
        self._bounds = Bounds(span.since, span.until)
        self._slot_s, self._not_from = slot_s, not_from
        self.fields = tuple(dict.fromkeys(("status", "at", "request_id", *self._bounds.fields)))
        self.counts: Counter[tuple[int, int]] = Counter()

    def rows(self, columns: Columns, rows: list[Row]) -> None:
        rows = self._bounds.kept(columns, rows)
        if self._not_from:
            rows = columns.kept(rows, "request_id", self._others)
        for (at, status), number in columns.read(Counter(columns.texts(rows, ("at", "status"))), ("at", "status")):
            self._ended(at, status, number)

    def request(self, request: Request) -> None:
        if self._bounds.holds(request) and self._others(request.request_id):
            self._ended(request.at, request.status, 1)

    def settle(self) -> None:
        pass

    def parts(self) -> Iterator[Any]:
        yield [(slot, status, number) for (slot, status), number in self.counts.items()]

    def join(self, part: Any) -> None:
        for slot, status, number in part:
            self.counts[slot, status] += number

    def _others(self, request_id: Value) -> bool:
        return not self._not_from or not str(request_id or "").startswith(self._not_from)

    def _ended(self, at: Value, status: Value, number: int) -> None:
        if isinstance(at, float | int) and math.isfinite(at):
            slot = int(at // self._slot_s) * self._slot_s
            self.counts[slot, int(status) if isinstance(status, float | int) else 0] += number
