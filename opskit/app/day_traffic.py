"""The gateway's requests of a day out of its log, rotated members included, beside an average day of the last week."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opskit.logs.account import Span
from opskit.logs.host_zone import HostZone
from opskit.logs.refusal import LogError
from opskit.logs.stats import Stats, stats
from opskit.logs.top import Query, Row, count
from opskit.model.message import Message, say
from opskit.report.day import Count, Traffic

_STATUSES: tuple[int | str, ...] = (401, 429, "5xx")
_DAY_S, _WEEK = 86_400.0, 7
_TOP = 5


def traffic_of(log: str, since: float, until: float) -> Traffic | None:
    """Return the counts of a span; None where there is no log. What could not be read is in the remarks."""
    path = Path(log)
    try:
        path.stat()
        today = stats(_span(path, since, until))
        before = stats(_span(path, since - _WEEK * _DAY_S, since))
        top = count(_query(path, since, until)).top
    except FileNotFoundError:
        return None
    except (LogError, ValueError, OSError) as error:
        return Traffic(0, None, (), (say("{path} cannot be read: {why}", path=log, why=str(error)),))
    days = _days(before, since)
    counts = tuple(_count(str(status), today, before, days, top) for status in _STATUSES)
    usual = sum(before.by_status.values()) / days if days else None
    return Traffic(sum(today.by_status.values()), usual, counts, tuple(_remarks(today)))


def _span(path: Path, since: float, until: float) -> Span:
    return Span(paths=(path,), since=since, until=until, zone=HostZone())


def _query(path: Path, since: float, until: float) -> Query:
    by = ("user", "client")
    return Query(paths=(path,), since=since, until=until, zone=HostZone(), statuses=_STATUSES, by=by, n=_TOP)


def _days(before: Stats, since: float) -> float | None:
    """Over how many days the log reaches back, at most a week; None where it is less than one."""
    first = before.account.coverage.first
    if first is None:
        return None
    days = min(float(_WEEK), (since - first) / _DAY_S)
    return days if days >= 1 else None


def _count(status: str, today: Stats, before: Stats, days: float | None, top: Mapping[str, tuple[Row, ...]]) -> Count:
    rows = tuple((" ".join(part for part in row.key if part != "-") or "-", row.count) for row in top.get(status, ()))
    usual = _of(status, before) / days if days else None
    return Count(status, _of(status, today), usual, rows)


def _of(status: str, found: Stats) -> int:
    """How often a status, or a class such as 5xx, was answered."""
    begin = status.rstrip("x")
    return sum(number for name, number in found.by_status.items() if name.startswith(begin))


def _remarks(today: Stats) -> list[Message]:
    account = today.account
    told = list(account.coverage.why)
    if account.unparsed:
        told.append(say("{n} of {m} lines have no known format", n=account.unparsed, m=account.lines))
    return told
