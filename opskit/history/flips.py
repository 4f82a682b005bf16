"""The table of flips: a change of state is a row, and belongs to an incident where it is part of one."""

from __future__ import annotations

import sqlite3
from typing import Any

from opskit.history.codec import bindable, packed, unpacked
from opskit.history.records import StoredFlip
from opskit.model.state import Flip
from opskit.model.status import Status
from opskit.model.verdict import Item


def add(db: sqlite3.Connection, check_id: int, flip: Flip, incident: int | None, items: tuple[Item, ...]) -> bool:
    """Write a flip, and what it means for its check in the incident; False where it is there already."""
    before = flip.before.value if flip.before else None
    written = db.execute(
        """
        INSERT INTO flips (check_id, incident_id, before, after, at, summary, items)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (check_id, at, after) DO NOTHING
        """,
        (check_id, incident, before, flip.after.value, flip.at, bindable(flip.summary), packed(items)),
    )
    if written.rowcount == 0:
        return False
    if incident is not None:
        db.execute(
            """
            INSERT INTO members (incident_id, check_id, joined_at, worst, newest) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (incident_id, check_id) DO UPDATE SET joined_at = min(joined_at, excluded.joined_at),
                worst = max(worst, excluded.worst), newest = excluded.newest
            """,
            (incident, check_id, flip.at, flip.after.severity, written.lastrowid),
        )
    return True


def between(db: sqlite3.Connection, since: float, until: float) -> list[StoredFlip]:
    """Return the flips of the span, oldest first."""
    return _stored(db, "flips.at >= ? AND flips.at < ?", (since, until))


def of_incident(db: sqlite3.Connection, incident: int) -> list[StoredFlip]:
    """Return the flips of an incident, oldest first."""
    return _stored(db, "incident_id = ?", (incident,))


def _stored(db: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[StoredFlip]:
    rows = db.execute(
        f"""
        SELECT flips.id, incident_id, checks.name, before, after, flips.at, summary, items
        FROM flips JOIN checks ON checks.id = check_id WHERE {where} ORDER BY flips.at, flips.id
        """,  # noqa: S608  # a condition of ours
        values,
    )
    return [
        StoredFlip(
            number,
            of,
            check,
            Status(before) if before else None,
            Status(after),
            at,
            summary,
            unpacked(items, tuple[Item, ...]),
        )
        for number, of, check, before, after, at, summary, items in rows
    ]
