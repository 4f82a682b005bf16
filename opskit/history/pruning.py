"""Forgetting: old samples are rolled up, then rolled up again, and what is older than the memory's span goes.

All of it in slices short enough that nobody waits for them: each is one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from opskit.history.codec import milliseconds
from opskit.history.records import Keep

DAY_S = 86_400
_FINE_S, _COARSE_S = 300, 3600

# Samples that come in later than this, out of a spool, meet a rollup that is there already.
_INTO = """
    ON CONFLICT (series_id, span, at) DO UPDATE SET
        low = min(low, excluded.low), high = max(high, excluded.high),
        mean = (mean * n + excluded.mean * excluded.n) / (n + excluded.n), n = n + excluded.n
"""
_ROLL_UP = (
    """
    INSERT INTO rollups (series_id, span, at, n, low, mean, high)
    SELECT series_id, :fine, at / (:fine * 1000) * :fine AS slot, count(*), min(value), avg(value), max(value)
    FROM samples WHERE series_id = :id AND at < :before * 1000 GROUP BY slot
    """  # noqa: S608  # a clause of ours is added
    + _INTO,
    "DELETE FROM samples WHERE series_id = :id AND at < :before * 1000",
)
_ROLL_ON = (
    """
    INSERT INTO rollups (series_id, span, at, n, low, mean, high)
    SELECT series_id, :coarse, at / :coarse * :coarse AS slot, sum(n), min(low), sum(mean * n) / sum(n), max(high)
    FROM rollups WHERE series_id = :id AND span = :fine AND at < :before GROUP BY slot
    """  # noqa: S608  # a clause of ours is added
    + _INTO,
    "DELETE FROM rollups WHERE series_id = :id AND span = :fine AND at < :before",
)
_FORGET = ("DELETE FROM rollups WHERE series_id = :id AND at < :before",)
_RUNS = ("DELETE FROM runs WHERE check_id = :id AND at < :before * 1000",)

# What is not settled, or not sent, is owed to a reader. Decisions and notices go with their incident.
_OWED = """
    SELECT id FROM incidents WHERE settled = 0
    UNION SELECT incident_id FROM notices JOIN deliveries ON notice_id = notices.id
    WHERE sent_at IS NULL AND dropped_at IS NULL AND incident_id IS NOT NULL
"""
_INCIDENTS = f"DELETE FROM incidents WHERE coalesce(closed_at, opened_at) < :before AND id NOT IN ({_OWED})"  # noqa: S608
_FLIPS = f"""
    DELETE FROM flips
    WHERE at < :before AND coalesce(incident_id, -1) NOT IN ({_OWED}) AND id NOT IN (SELECT newest FROM members)
"""  # noqa: S608
_NOTICES = """
    DELETE FROM notices WHERE at < :before AND incident_id IS NULL AND NOT EXISTS (
        SELECT 1 FROM deliveries WHERE notice_id = notices.id AND sent_at IS NULL AND dropped_at IS NULL)
"""
_FILES = "DELETE FROM files WHERE at < :before AND id NOT IN (SELECT max(id) FROM files GROUP BY path)"
_SILENCES = "DELETE FROM silences WHERE until < :before"

# A check that has not run for so long was renamed or removed.
_CHECKS = """
    DELETE FROM checks
    WHERE at < :before AND NOT EXISTS (
        SELECT 1 FROM members JOIN incidents ON incidents.id = incident_id WHERE check_id = checks.id AND settled = 0)
"""

_SERIES = """
    DELETE FROM series
    WHERE NOT EXISTS (SELECT 1 FROM samples WHERE series_id = series.id)
      AND NOT EXISTS (SELECT 1 FROM rollups WHERE series_id = series.id)
"""
_HEARTBEATS = "DELETE FROM heartbeats WHERE at < :before"
_DONE = "DELETE FROM done WHERE at < :before"
_TRIAGES = "DELETE FROM triages WHERE at < :before"

Slice = Callable[[sqlite3.Connection], int]


def slices(db: sqlite3.Connection, now: float, keep: Keep) -> Iterator[Slice]:
    """Yield the pieces of work; each returns how many rows it took away, and wants its own transaction."""
    for (series_id,) in db.execute("SELECT id FROM series").fetchall():
        yield _each(_ROLL_UP, series_id, _full_hours(now - keep.raw_days * DAY_S))
        yield _each(_ROLL_ON, series_id, _full_hours(now - keep.fine_days * DAY_S))
        yield _each(_FORGET, series_id, now - keep.days * DAY_S)
    for (check_id,) in db.execute("SELECT id FROM checks").fetchall():
        yield _each(_RUNS, check_id, now - keep.runs_days * DAY_S)
    for delete in (_INCIDENTS, _FLIPS, _NOTICES, _SILENCES, _FILES, _CHECKS, _TRIAGES):
        yield _all(delete, now - keep.days * DAY_S)
    for delete in (_HEARTBEATS, _DONE):
        yield _all(delete, now - keep.runs_days * DAY_S)
    yield _all(_SERIES, now)


def give_back(db: sqlite3.Connection) -> None:
    """Return freed pages to the disk and fold the write-ahead log into the file; outside of any transaction."""
    # It gives back one page per step and yields rows without columns, which execute() takes for the end.
    db.executescript("PRAGMA incremental_vacuum")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _full_hours(at: float) -> int:
    """No span is rolled up before it is over: then nothing is added to it but what comes late."""
    return milliseconds(at) // (_COARSE_S * 1000) * _COARSE_S


def _each(statements: tuple[str, ...], row_id: int, before: float) -> Slice:
    values = {"id": row_id, "before": before, "fine": _FINE_S, "coarse": _COARSE_S}

    def work(db: sqlite3.Connection) -> int:
        return [db.execute(statement, values).rowcount for statement in statements][-1]

    return work


def _all(statement: str, before: float) -> Slice:
    def work(db: sqlite3.Connection) -> int:
        db.execute(statement, {"before": before})
        return 0

    return work
