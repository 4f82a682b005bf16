"""Levels of a series that an operator accepted as the usual one."""

from __future__ import annotations

import sqlite3

from opskit.history.codec import series_key
from opskit.history.records import Series
from opskit.judge.level import Level

_FIND = """
    FROM checks
    JOIN series ON series.check_id = checks.id
"""
_ONE = "WHERE checks.name = :check AND series.metric = :metric AND series.labels = :labels"


def _key(check: str, series: Series) -> dict[str, object]:
    return {"check": check, "metric": series.metric, "labels": series_key(series.labels, series.basis)}


def accept(db: sqlite3.Connection, check: str, series: Series, level: Level, at: float) -> bool:
    """Note a level; False where there is no such series."""
    done = db.execute(
        "INSERT OR REPLACE INTO accepted (series_id, since, factor, flat, at) "
        f"SELECT series.id, :since, :factor, :flat, :at {_FIND} {_ONE}",
        {**_key(check, series), "since": level.since, "factor": level.factor, "flat": level.flat, "at": at},
    )
    return done.rowcount > 0


def accepted(db: sqlite3.Connection, check: str, series: Series) -> list[Level]:
    """Return what was accepted, oldest first."""
    rows = db.execute(
        f"SELECT accepted.since, accepted.factor, accepted.flat {_FIND} "
        f"JOIN accepted ON accepted.series_id = series.id {_ONE} ORDER BY accepted.since",
        _key(check, series),
    )
    return [Level(*row) for row in rows]
