"""`opskit report daily`: gathers a local day from the history."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from opskit.app.context import Context
from opskit.history.store import Store
from opskit.model.check import Check
from opskit.model.message import Message, say
from opskit.report.daily import Day, Series

_WEEK_S = 7 * 86400.0
_SHOWN = (
    ("latency", "first_token_s", "s"),
    ("latency", "total_s", "s"),
    ("gpu-memory", "memory_used_pct", "%"),
    ("gpu-temperature", "temperature_c", " C"),
)


def gather(context: Context, store: Store, day: date, now: datetime) -> Day:
    """Return what is known of a day in the reader's zone; of today, what is known so far. Raises HistoryError."""
    zone = context.reader.zone
    since = datetime.combine(day, time(), tzinfo=zone).timestamp()
    until = min(datetime.combine(day + timedelta(days=1), time(), tzinfo=zone).timestamp(), now.timestamp())
    checks = context.checks()
    return Day(
        day=day,
        host=platform.node(),
        runs=tuple(store.runs(since, until)),
        planned={check.id: _planned(check, until - since) for check in checks.values()},
        flips=tuple(store.flips(since, until)),
        series=tuple(
            Series(f"{check} {metric}", unit, *_values(store, check, metric, since, until))
            for check, metric, unit in _SHOWN
            if check in checks
        ),
        notes=_notes(store, checks, since, until),
    )


def _planned(check: Check, seconds: float) -> int:
    return int(max(0.0, seconds) // check.every)


def _values(store: Store, check: str, metric: str, since: float, until: float) -> tuple[tuple[float, ...], ...]:
    today = tuple(value for _, value in store.samples(check, metric, since, until))
    return today, tuple(value for _, value in store.samples(check, metric, since - _WEEK_S, since))


def _notes(store: Store, checks: Mapping[str, Check], since: float, until: float) -> tuple[Message, ...]:
    """What each check said last, as far as it said it on that day."""
    found = []
    for latest in store.latest():
        verdict = latest.verdict
        if latest.state.check in checks and since <= verdict.at < until and verdict.items:
            found.append(say("{check}: {text}", check=verdict.check, text=verdict.items[0].text))
            found += [say("{check}: {text}", check=verdict.check, text=note) for note in verdict.notes]
    return tuple(found)
