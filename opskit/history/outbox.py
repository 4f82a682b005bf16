"""The outbox: a notice is a row, and for each channel another, which stays open until it was sent or given up.

Sending is at least once: a worker takes a delivery for a limited time, and what it does not finish comes back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from opskit.history.codec import bindable, fresh_seed
from opskit.history.incident import NewNotice, StoredNotice

_OPEN = "sent_at IS NULL AND dropped_at IS NULL"
# What was tried in the future was tried before the clock was set back.
_DUE = "(retry_at IS NULL OR retry_at <= :now OR tried_at > :now)"
_COLUMNS = """
    SELECT notices.id, incident_id AS incident, notices.seed, coalesce(incidents.seed, notices.seed) AS thread,
        notices.at, kind, content, channel, attempts,
        EXISTS (SELECT 1 FROM notices AS later
                WHERE later.incident_id = notices.incident_id AND later.id > notices.id) AS superseded,
        tried_at, retry_at, sent_at, dropped_at, reason, error
    FROM deliveries JOIN notices ON notices.id = notice_id LEFT JOIN incidents ON incidents.id = incident_id
"""  # the names are those of StoredNotice


def add(db: sqlite3.Connection, incident: int | None, notice: NewNotice, at: float, channels: Iterable[str]) -> None:
    """Write a notice for these channels."""
    row = db.execute(
        "INSERT INTO notices (incident_id, seed, at, kind, content) VALUES (?, ?, ?, ?, ?)",
        (incident, fresh_seed(), at, notice.kind, notice.content),
    )
    for channel in channels:
        db.execute("INSERT INTO deliveries (notice_id, channel) VALUES (?, ?)", (row.lastrowid, channel))


def due(db: sqlite3.Connection, now: float, limit: int) -> list[StoredNotice]:
    """Return the oldest open delivery of each incident and channel, where it is due."""
    # One that waits for its next attempt holds back the later ones of its incident: "recovered" must never overtake
    # "critical". What is about no incident waits for nothing.
    return _stored(
        db,
        f"""
        WHERE {_OPEN} AND {_DUE} AND NOT EXISTS (
            SELECT 1 FROM deliveries AS first JOIN notices AS earlier ON earlier.id = first.notice_id
            WHERE first.channel = deliveries.channel AND first.sent_at IS NULL AND first.dropped_at IS NULL
                AND earlier.incident_id = notices.incident_id AND earlier.id < notices.id)
        ORDER BY notices.id, channel LIMIT :limit
        """,  # noqa: S608  # conditions of ours
        {"now": now, "limit": limit},
    )


def between(db: sqlite3.Connection, since: float, until: float) -> list[StoredNotice]:
    """Return the deliveries of the notices of a span, oldest first."""
    return _stored(db, "WHERE notices.at >= ? AND notices.at < ? ORDER BY notices.id, channel", (since, until))


def of_incident(db: sqlite3.Connection, incident: int) -> list[StoredNotice]:
    """Return the deliveries of the notices of an incident, oldest first."""
    return _stored(db, "WHERE incident_id = ? ORDER BY notices.id, channel", (incident,))


def waiting(db: sqlite3.Connection) -> int:
    """Return how many deliveries are open."""
    return int(db.execute(f"SELECT count(*) FROM deliveries WHERE {_OPEN}").fetchone()[0])  # noqa: S608  # the same


def claim(db: sqlite3.Connection, notice: int, channel: str, now: float, lease_s: float) -> bool:
    """Take a delivery; False where it is done, not due, or taken by somebody within the lease."""
    taken = db.execute(
        f"""
        UPDATE deliveries SET claimed_at = :now
        WHERE notice_id = :id AND channel = :channel AND {_OPEN}
            AND (claimed_at IS NULL OR abs(:now - claimed_at) > :lease) AND {_DUE}
        """,  # noqa: S608  # a condition of ours
        {"id": notice, "channel": channel, "now": now, "lease": lease_s},
    )
    return taken.rowcount == 1


def mark_sent(db: sqlite3.Connection, notice: int, channel: str, now: float, remark: str) -> None:
    """Close a delivery as sent."""
    # A worker that outlived its lease may come late: the first ending stands, except that a mail that left has left.
    db.execute(
        """
        UPDATE deliveries SET sent_at = ?, tried_at = ?, dropped_at = NULL, reason = NULL, error = ?,
            attempts = attempts + 1
        WHERE notice_id = ? AND channel = ? AND sent_at IS NULL
        """,
        (now, now, bindable(remark) or None, notice, channel),
    )


def leave(db: sqlite3.Connection, notice: int, channel: str, left: Iterable[str], retry_at: float) -> None:
    """Open a delivery of its own for each recipient who was left out. They hold up nobody else's."""
    db.executemany(
        "INSERT OR IGNORE INTO deliveries (notice_id, channel, retry_at) VALUES (?, ?, ?)",
        [(notice, bindable(f"{channel} {recipient}"), retry_at) for recipient in left],
    )


def mark_dropped(db: sqlite3.Connection, notice: int, channel: str, now: float, reason: str, error: str) -> None:
    """Close a delivery as given up."""
    db.execute(
        f"""
        UPDATE deliveries SET dropped_at = ?, reason = ?, error = coalesce(?, error)
        WHERE notice_id = ? AND channel = ? AND {_OPEN}
        """,  # noqa: S608  # a condition of ours
        (now, reason, bindable(error) or None, notice, channel),
    )


def release(db: sqlite3.Connection, notice: int, channel: str, now: float, error: str, retry_at: float) -> None:
    """Give a delivery back after a failure."""
    db.execute(
        f"""
        UPDATE deliveries SET claimed_at = NULL, tried_at = ?, attempts = attempts + 1, error = ?, retry_at = ?
        WHERE notice_id = ? AND channel = ? AND {_OPEN}
        """,  # noqa: S608  # a condition of ours
        (now, bindable(error), retry_at, notice, channel),
    )


def _stored(db: sqlite3.Connection, rest: str, values: tuple[Any, ...] | dict[str, Any]) -> list[StoredNotice]:
    rows = db.execute(_COLUMNS + rest, values)
    names = [column[0] for column in rows.description]
    return [_notice(dict(zip(names, row, strict=True))) for row in rows]


def _notice(fields: dict[str, Any]) -> StoredNotice:
    fields["superseded"] = bool(fields["superseded"])
    return StoredNotice(**fields)
