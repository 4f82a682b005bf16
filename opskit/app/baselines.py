"""How the series stand that are compared with their past, and which level an operator may accept as the usual one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opskit.app.past import levels_of, values_of
from opskit.history.records import Series
from opskit.history.store import Store
from opskit.judge.acceptance import acceptable
from opskit.judge.level import Level
from opskit.judge.usual import MEMORY_S, limits_of, standing
from opskit.model.check import Check, Deviation
from opskit.report.baseline_text import Accepted, Line

_STALE = 3  # intervals without a value
_WEEK_S = 7 * 86_400.0


def baselines(store: Store, checks: Iterable[Check], now: float) -> Iterator[Line]:
    """Yield each series of the checks that is held against its own past. Raises HistoryError."""
    for check in checks:
        for series, deviation in compared(store, check):
            values = values_of(store, check.id, series, now - MEMORY_S, now + 1)
            found = standing(values, limits_of(check.every, deviation.floor))
            week = [value for at, value in values if at >= series.last - _WEEK_S]
            yield Line(
                check.id,
                series,
                found,
                newest=values[-1][1] if values else None,
                mean=sum(week) / len(week) if week else None,
                stale=now - series.last > _STALE * check.every,
                levels=tuple(levels_of(store, check.id, series)),
            )


def accept(store: Store, check: Check, metric: str | None, now: float) -> Iterator[Accepted]:
    """Accept the present level of each series that is slower than usual or drifts. Raises HistoryError."""
    for series, deviation in compared(store, check):
        if metric not in {None, series.metric}:
            continue
        values = values_of(store, check.id, series, now - MEMORY_S, now + 1)
        level: Level | None = acceptable(values, limits_of(check.every, deviation.floor))
        if level is not None and store.accept(check.id, series, level, now):
            yield Accepted(check.id, series, level)


def compared(store: Store, check: Check) -> Iterator[tuple[Series, Deviation]]:
    """Yield the newest series of each metric and labels that a rule with a sustained deviation is about."""
    rules = {
        rule.metric: rule.deviation for rule in check.rules if rule.deviation is not None and rule.deviation.sustained
    }
    newest = {(one.metric, tuple(sorted(one.labels.items()))): one for one in store.series(check.id)}
    for series in newest.values():
        if series.metric in rules:
            yield series, rules[series.metric]
