"""Forgetting: what is older than the memory's span goes, in slices short enough that nobody waits for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

DAY_S = 86_400

# Each slice is one transaction: one series or one check at a time.
_SLICES = (
    ("SELECT id FROM series", "DELETE FROM samples WHERE series_id = ? AND at < ?"),
    ("SELECT id FROM checks", "DELETE FROM runs WHERE check_id = ? AND at < ?"),
)

# Open flips are owed to a reader, and the newest that was told says whether a recovery is owed.
_FLIPS = """
    DELETE FROM flips
    WHERE at < ? AND (sent_at IS NOT NULL OR dropped_at IS NOT NULL)
      AND id NOT IN (SELECT max(id) FROM flips WHERE sent_at IS NOT NULL GROUP BY check_id)
"""

# A check that has not run for so long was renamed or removed.
_CHECKS = """
    DELETE FROM checks
    WHERE at < ? AND NOT EXISTS (
        SELECT 1 FROM flips WHERE check_id = checks.id AND sent_at IS NULL AND dropped_at IS NULL)
"""

_SERIES = "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM samples WHERE series_id = series.id)"
_HEARTBEATS = "DELETE FROM heartbeats WHERE at < ?"
_TRIAGES = "DELETE FROM triages WHERE at < ?"

Slice = Callable[[sqlite3.Connection], int]


def slices(db: sqlite3.Connection, before: float) -> Iterator[Slice]:
    """Yield the pieces of work; each returns how many runs or samples it deleted and wants its own transaction."""
    for ids, delete in _SLICES:
        for (row_id,) in db.execute(ids).fetchall():
            yield _deletes(delete, (row_id, before))
    for delete in (_FLIPS, _CHECKS, _HEARTBEATS, _TRIAGES):
        yield _cleans(delete, (before,))
    yield _cleans(_SERIES, ())


def give_back(db: sqlite3.Connection) -> None:
    """Return freed pages to the disk and fold the write-ahead log into the file; outside of any transaction."""
    # It gives back one page per step and yields rows without columns, which execute() takes for the end.
    db.executescript("PRAGMA incremental_vacuum")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _deletes(delete: str, values: tuple[float, ...]) -> Slice:
    return lambda db: db.execute(delete, values).rowcount


def _cleans(delete: str, values: tuple[float, ...]) -> Slice:
    def work(db: sqlite3.Connection) -> int:
        db.execute(delete, values)
        return 0

    return work
