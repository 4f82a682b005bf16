"""Who, what and where of the answers with a given status: the top-N over access logs, counted while streaming."""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

from opskit.logs.account import Account, Span
from opskit.logs.bounds import Bounds
from opskit.logs.form import late
from opskit.logs.groups import Groups
from opskit.logs.reading import read
from opskit.logs.request import Request
from opskit.logs.shape import Columns, Show, Shown, Value
from opskit.logs.shape import Row as Line
from opskit.logs.wanted import Wanted
from opskit.model.regex import regex

_STATUS = regex(r"[0-9]{1,3}|[0-9]xx", re.IGNORECASE)
_MANY = 50_000
_HEAVY = 6 << 20
_ADDRESS = 50
_SHORT = frozenset({"status", "client", "method", "event", "at"})  # what nobody outside can make long
# The field of a Request behind each name, and what of it is counted.
FIELDS: dict[str, str] = {
    "client": "client",
    "user": "user",
    "path": "path",
    "route": "path",
    "method": "method",
    "agent": "agent",
    "key": "key",
    "model": "model",
    "host": "host",
    "vhost": "host",
    "upstream_status": "upstream_status",
    "upstream_addr": "upstream_addr",
    "status": "status",
    "request_id": "request_id",
    "error": "error",
}
# A segment of a path that is a number, a UUID, a hash or a long random name: `route` has `:id` there.
_ID = regex(
    r"(?<=/)(?:[0-9]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16,}"
    r"|(?=[^/]*[0-9])(?:[a-z]{2,12}[-_])?[0-9A-Za-z]{20,})(?=/|$)"
)


class Query(Span, frozen=True, kw_only=True):
    """What to count: statuses as numbers or classes (`"5xx"`), grouped `by` these fields, the `n` most frequent."""

    statuses: tuple[int | str, ...] | frozenset[int | str] = (401, 429, 500)
    by: tuple[str, ...] = ("client",)
    n: int = 5


class Row(msgspec.Struct, frozen=True):
    """One group: its values in the order of `by`, "-" for what the log does not say, and how often it occurred."""

    key: tuple[str, ...]
    count: int


class Top(msgspec.Struct, frozen=True):
    """The answer. `matched` lines finished in the window with a wanted status.

    `on_disk` where there were too many different keys for the memory, and files counted them: as exactly.
    """

    window: tuple[float | None, float | None]
    by: tuple[str, ...]
    account: Account
    matched: int
    top: dict[str, tuple[Row, ...]]
    on_disk: bool = False


def count(query: Query) -> Top:
    """Read the logs once and count, in bounded memory. ValueError names an unknown status, field or format."""
    asked = sorted({_spelt(status) for status in query.statuses})
    if not asked:
        raise ValueError("status: nothing; expected numbers such as 429 or classes such as 5xx")
    unknown = [name for name in query.by if name not in FIELDS]
    if unknown or not query.by:
        raise ValueError(f"by: {', '.join(unknown) or 'nothing'}; known are {', '.join(FIELDS)}")
    wanted = Wanted(asked)
    tally = _Tally(query, wanted.statuses)
    account = read(query, tally, wanted)
    tally.settle()
    ranked = _ranked(tally.groups, asked, query.n)
    return Top((query.since, query.until), query.by, account, tally.matched, ranked, tally.groups.on_disk)


def _spelt(status: int | str) -> str:
    text = str(status).lower()
    if not _STATUS.fullmatch(text):
        raise ValueError(f"status: {status}; expected a number such as 429 or a class such as 5xx")
    return text if text.endswith("xx") else f"{int(text):03d}"


class _Tally:
    """The counters, and the decision whether a line belongs to them."""

    def __init__(self, query: Query, statuses: frozenset[int]) -> None:
        self._shown: list[Shown] = [
            ("status", lambda status: status),
            *((FIELDS[name], _SHOWN.get(name, _given)) for name in query.by),
        ]
        self._bounds = Bounds(query.since, query.until)
        self.fields = (*(field for field, _ in self._shown), *self._bounds.fields)
        self.groups = Groups()
        self.matched = 0
        self._statuses = statuses
        self._raw: dict[Columns, Counter[Line]] = {}
        self._heavy = 0
        self._loose = not _SHORT.issuperset(self.fields)

    def rows(self, columns: Columns, rows: list[Line]) -> None:
        rows = self._bounds.kept(columns, columns.kept(rows, "status", self._statuses.__contains__))
        if "at" in self.fields:
            rows = columns.without(rows, "at")
        counts = self._raw.setdefault(columns, Counter())
        counts.update(rows)
        self._heavy += columns.size(rows) if self._loose else 0
        if len(counts) > _MANY or self._heavy > _HEAVY:
            self.settle()

    def request(self, request: Request) -> None:
        if request.status in self._statuses and self._bounds.holds(request):
            key = tuple([show(getattr(request, field)) for field, show in self._shown])
            self.groups.add([(key, 1)], sum(map(len, map(str, key))))
            self.matched += 1

    def settle(self) -> None:
        """Turn what was counted as raw texts into groups."""
        for columns, counts in self._raw.items():
            size = self._heavy or _ADDRESS * len(counts)
            self.groups.add(zip(columns.keys(counts, self._shown), counts.values(), strict=True), size)
            self.matched += counts.total()
        self._raw.clear()
        self._heavy = 0

    def parts(self) -> Iterator[Any]:
        self.settle()
        yield self.matched
        yield from self.groups.chunks()

    def join(self, part: Any) -> None:
        if isinstance(part, int):
            self.matched += part
        else:
            self.groups.add(*part)


def _given(value: Value) -> str:
    return str(value) if value else "-"


_redact = late("redact", "redact")


def _clean(value: Value) -> str:
    return str(_redact(str(value))) if value else "-"


def _without_query(value: Value) -> str:
    return _clean(str(value).partition("?")[0] if value is not None else None)


def _route(value: Value) -> str:
    return _ID.sub(":id", _without_query(value))


def _number(value: Value) -> str:
    return f"{int(value):03d}" if isinstance(value, float | int) else "-"


# Rows are counted as they are shown: a secret in a path must not make a row of its own.
_SHOWN: dict[str, Show] = {
    **dict.fromkeys(("user", "agent", "model", "host", "vhost", "request_id", "error"), _clean),
    "path": _without_query,
    "route": _route,
    "status": _number,
}


def _ranked(groups: Groups, asked: list[str], n: int) -> dict[str, tuple[Row, ...]]:
    """Return the most frequent keys of each status that was asked for or occurs; ties in the order of the keys."""
    best: dict[int, list[tuple[int, tuple[str, ...]]]] = {int(text): [] for text in asked if text.isdigit()}
    for key, number in groups.items():
        counts = best.setdefault(key[0], [])
        counts.append((-number, key[1:]))
        if len(counts) > _MANY + n:
            counts[:] = heapq.nsmallest(n, counts)
    ranked = {f"{status:03d}": heapq.nsmallest(n, counts) for status, counts in best.items()}
    return {status: tuple(Row(key, -number) for number, key in ranked[status]) for status in sorted(ranked)}
