"""The same hours of the days before: what the gateway's log tells of them, counted by the reader of whole log sets.

Days are 24 hours, so a day with another offset from UTC is compared with hours that lie one off: no count of a day
changes by that as much as a fault changes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from opskit.logs.account import Span
from opskit.logs.gateway_fields import TimeUnit
from opskit.logs.host_zone import host_zone
from opskit.logs.tally import tally
from opskit.probes.answer import OWN_REQUEST

SLOT_S = 300
DAY_S = 86_400
_FEWEST = 3  # days; with fewer nobody knows what is usual


class Slot(msgspec.Struct, frozen=True):
    """Requests of one status that ended in the `SLOT_S` seconds from `at` on."""

    at: int
    status: int
    number: int


class Former(msgspec.Struct, frozen=True):
    """What was counted before the window; `first` is how far back the log tells, `why` what could not be read."""

    slots: tuple[Slot, ...] = ()
    first: float | None = None
    why: tuple[str, ...] = ()


def collect_former(path: str, since: float, until: float, time_unit: TimeUnit) -> Former:
    """Count from `since` to `until` (epoch seconds), rotated members included. What cannot be read is in the answer."""
    form = "gateway-ms" if time_unit == "ms" else "auto"
    span = Span(paths=(Path(path),), since=since, until=until, format=form, zone=host_zone())
    found = tally(span, SLOT_S, OWN_REQUEST)
    slots = tuple(Slot(at, status, number) for (at, status), number in found.counts.items())
    unread = tuple(str(file.error) for file in found.account.files if file.error)
    coverage = found.account.coverage
    return Former(slots, since if coverage.complete else coverage.first, unread)


def usual_counts(former: Former, recent_s: float, at: float, days: int) -> list[Counter[int]]:
    """Return the counts by status of the same window on each former day that the log covers, the newest first."""
    windows = [(at - day * DAY_S - recent_s, at - day * DAY_S) for day in range(1, days + 1)]
    known = [window for window in windows if former.first is not None and former.first <= window[0] + SLOT_S]
    return [_sum(former.slots, begin, end) for begin, end in known]


def enough(days: list[Counter[int]]) -> bool:
    """Whether so many days are known that they tell what is usual."""
    return len(days) >= _FEWEST


def _sum(slots: Iterable[Slot], begin: float, end: float) -> Counter[int]:
    found: Counter[int] = Counter()
    for slot in slots:
        if begin <= slot.at + SLOT_S / 2 < end:
            found[slot.status] += slot.number
    return found


def slots_of(ended: Iterable[tuple[float, int]]) -> Iterator[Slot]:
    """Yield what ended within the window in the same form; pairs are time and status."""
    counts: Mapping[tuple[int, int], int] = Counter((int(at // SLOT_S) * SLOT_S, status) for at, status in ended)
    for (slot, status), number in sorted(counts.items()):
        yield Slot(slot, status, number)
