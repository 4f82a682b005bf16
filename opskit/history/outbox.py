"""The table of flips: a change of state is a row, and it stays open until it was told or it was decided not to tell it.

Sending is at least once: a worker takes a flip for a limited time, and what it does not finish comes back.
"""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from opskit.history.codec import bindable, packed, unpacked
from opskit.history.records import StoredFlip
from opskit.model.state import Flip
from opskit.model.status import Status
from opskit.model.verdict import Item


def add(db: sqlite3.Connection, check_id: int, flip: Flip, items: tuple[Item, ...]) -> None:
    """Write a flip; it belongs to the incident of the flip before it unless that one ended well."""
    seed = uuid.uuid4().hex
    previous = db.execute(
        "SELECT after, thread FROM flips WHERE check_id = ? ORDER BY id DESC LIMIT 1", (check_id,)
    ).fetchone()
    thread = previous[1] if previous and previous[0] != Status.OK.value else seed
    before = flip.before.value if flip.before else None
    db.execute(
        """
        INSERT INTO flips (check_id, seed, thread, before, after, at, summary, items)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        """,
        (check_id, seed, thread, before, flip.after.value, flip.at, bindable(flip.summary), packed(items)),
    )


def unsent(db: sqlite3.Connection, now: float, limit: int) -> list[StoredFlip]:
    """Return the oldest open flip of each check, where it is due."""
    # One that waits for its next attempt holds back the later ones of its check: "recovered" must never overtake
    # "critical", and whether a recovery is owed is known only when everything before it is settled.
    rows = db.execute(
        """
        SELECT * FROM deliveries
        WHERE id IN (SELECT min(id) FROM flips WHERE sent_at IS NULL AND dropped_at IS NULL GROUP BY check_id)
          AND (retry_at IS NULL OR retry_at <= ?)
        ORDER BY id LIMIT ?
        """,
        (now, limit),
    )
    return _stored(rows)


def between(db: sqlite3.Connection, since: float, until: float) -> list[StoredFlip]:
    """Return the flips of the span, oldest first."""
    rows = db.execute("SELECT * FROM deliveries WHERE at >= ? AND at < ? ORDER BY at, id", (since, until))
    return _stored(rows)


def claim(db: sqlite3.Connection, flip_id: int, now: float, lease_s: float) -> bool:
    """Take the flip; False where another worker was faster."""
    taken = db.execute(
        """
        UPDATE flips SET claimed_at = :now
        WHERE id = :id AND sent_at IS NULL AND dropped_at IS NULL
          AND (claimed_at IS NULL OR claimed_at < :now - :lease) AND (retry_at IS NULL OR retry_at <= :now)
        """,
        {"id": flip_id, "now": now, "lease": lease_s},
    )
    return taken.rowcount == 1


def mark_sent(db: sqlite3.Connection, flip_id: int, now: float, note: str) -> None:
    """Close the flip as told."""
    # A worker that outlived its lease may come late: the first ending stands, except that a mail that left has left.
    db.execute(
        """
        UPDATE flips SET sent_at = ?, tried_at = ?, dropped_at = NULL, reason = NULL, error = ?, attempts = attempts + 1
        WHERE id = ? AND sent_at IS NULL
        """,
        (now, now, bindable(note) or None, flip_id),
    )


def mark_dropped(db: sqlite3.Connection, flip_id: int, now: float, reason: str, error: str) -> None:
    """Close the flip as not to be told."""
    db.execute(
        """
        UPDATE flips SET dropped_at = ?, reason = ?, error = coalesce(?, error)
        WHERE id = ? AND sent_at IS NULL AND dropped_at IS NULL
        """,
        (now, reason, bindable(error) or None, flip_id),
    )


def release(db: sqlite3.Connection, flip_id: int, now: float, error: str, retry_at: float) -> None:
    """Give the flip back after a failure."""
    db.execute(
        """
        UPDATE flips SET claimed_at = NULL, tried_at = ?, attempts = attempts + 1, error = ?, retry_at = ?
        WHERE id = ? AND sent_at IS NULL AND dropped_at IS NULL
        """,
        (now, bindable(error), retry_at, flip_id),
    )


def _stored(rows: sqlite3.Cursor) -> list[StoredFlip]:
    # The view names its columns like the fields.
    names = [column[0] for column in rows.description]
    return [_flip(dict(zip(names, row, strict=True))) for row in rows]


def _flip(fields: dict[str, Any]) -> StoredFlip:
    for name in ("before", "after", "told"):
        fields[name] = Status(fields[name]) if fields[name] else None
    fields["items"] = unpacked(fields["items"], tuple[Item, ...])
    fields["superseded"] = bool(fields["superseded"])
    return StoredFlip(**fields)
