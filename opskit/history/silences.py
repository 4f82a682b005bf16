"""The table of silences: times in which somebody wants to hear nothing of some checks."""

from __future__ import annotations

import sqlite3

from opskit.history.codec import bindable
from opskit.history.incident import Silence


def add(db: sqlite3.Connection, silence: Silence) -> int:
    """Write a silence and return its number."""
    row = db.execute(
        "INSERT INTO silences (pattern, since, until, by, note) VALUES (?, ?, ?, ?, ?)",
        (bindable(silence.pattern), silence.since, silence.until, bindable(silence.by), bindable(silence.note)),
    )
    return int(row.lastrowid or 0)


def add_missing(db: sqlite3.Connection, silence: Silence) -> bool:
    """Write a silence unless it is here, whenever it ends."""
    known = db.execute(
        "SELECT 1 FROM silences WHERE pattern = ? AND since = ? AND by = ? AND note = ?",
        (bindable(silence.pattern), silence.since, bindable(silence.by), bindable(silence.note)),
    ).fetchone()
    return known is None and add(db, silence) > 0


def end(db: sqlite3.Connection, number: int, now: float) -> bool:
    """End a silence now; False where there is none that is not over."""
    return db.execute("UPDATE silences SET until = ? WHERE id = ? AND until > ?", (now, number, now)).rowcount == 1


def since(db: sqlite3.Connection, at: float) -> list[Silence]:
    """Return the silences that end after `at`, by number."""
    rows = db.execute("SELECT id, pattern, since, until, by, note FROM silences WHERE until > ? ORDER BY id", (at,))
    return [Silence(*row) for row in rows]
