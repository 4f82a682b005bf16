"""How much the memory holds of each kind, and of which time."""

from __future__ import annotations

import sqlite3

from opskit.history.records import Kept

# Each with where its times begin and end, in seconds.
_KINDS = {
    "checks": ("checks", "at", "at"),
    "runs": ("runs", "at / 1000.0", "at / 1000.0"),
    "samples": ("samples", "at / 1000.0", "at / 1000.0"),
    "rollups-300": ("rollups WHERE span = 300", "at", "at + span"),
    "rollups-3600": ("rollups WHERE span = 3600", "at", "at + span"),
    "flips": ("flips", "at", "at"),
    "incidents": ("incidents", "opened_at", "coalesce(closed_at, opened_at)"),
    "notices": ("notices", "at", "at"),
    "triages": ("triages", "at", "at"),
    "accepted": ("accepted", "at", "at"),
}


def kept(db: sqlite3.Connection) -> list[Kept]:
    """Return it for each kind."""
    found = []
    for kind, (table, begins, ends) in _KINDS.items():
        count, first, last = db.execute(
            f"SELECT count(*), min({begins}), max({ends}) FROM {table}"  # noqa: S608  # names of our own tables
        ).fetchone()
        found.append(Kept(kind, count, first or 0.0, last or 0.0))
    return found
