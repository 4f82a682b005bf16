"""What is decided about incidents: who may decide, what was decided and why, and who knows of it.

A decision is written in the transaction that writes its notice: nothing is noted as said that no channel will carry.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from opskit.history import outbox
from opskit.history.codec import packed
from opskit.history.incident import Ack, Decided, Incident, NewNotice, Said

ENDS = frozenset({"send", "end"})
"""The actions after which nothing is left to decide about an incident that is closed."""


def claim(db: sqlite3.Connection, incident: int, version: int, now: float, lease_s: float) -> bool:
    """Take an incident for a decision that takes its time; False where it was decided about, or is taken."""
    taken = db.execute(
        """
        UPDATE incidents SET claimed_at = :now
        WHERE id = :id AND version = :version AND (claimed_at IS NULL OR abs(:now - claimed_at) > :lease)
        """,
        {"id": incident, "version": version, "now": now, "lease": lease_s},
    )
    return taken.rowcount == 1


def decided(
    db: sqlite3.Connection,
    incident: Incident,
    decision: Decided,
    said: Said,
    notice: NewNotice | None,
    channels: Iterable[str],
) -> bool:
    """Write a decision with what it leads to; False where another process has decided meanwhile."""
    written = db.execute(
        """
        UPDATE incidents SET version = version + 1, told = ?, claimed_at = NULL, settled = ?
        WHERE id = ? AND version = ?
        """,
        (packed(said), decision.action in ENDS and incident.closed_at is not None, incident.id, incident.version),
    )
    if written.rowcount == 0:
        return False
    if notice is not None:
        outbox.add(db, incident.id, notice, decision.at, channels)
    note(db, incident.id, decision)
    return True


def all_as_read(db: sqlite3.Connection, read: Iterable[Incident]) -> bool:
    """Return whether none of these incidents was decided about since it was read."""
    return all(
        db.execute("SELECT 1 FROM incidents WHERE id = ? AND version = ?", (one.id, one.version)).fetchone()
        for one in read
    )


def note(db: sqlite3.Connection, incident: int, decision: Decided) -> None:
    """Keep a decision."""
    db.execute(
        "INSERT INTO decisions (incident_id, at, action, reason, until) VALUES (?, ?, ?, ?, ?)",
        (incident, decision.at, decision.action, decision.reason, decision.until),
    )


def decisions(db: sqlite3.Connection, incident: int) -> list[Decided]:
    """Return what was decided about an incident, oldest first."""
    rows = db.execute(
        "SELECT at, action, reason, until FROM decisions WHERE incident_id = ? ORDER BY rowid", (incident,)
    )
    return [Decided(*row) for row in rows]


def held(db: sqlite3.Connection, since: float, until: float) -> list[Decided]:
    """Return the decisions of a span not to tell something, oldest first."""
    rows = db.execute(
        """
        SELECT at, action, reason, until FROM decisions
        WHERE at >= ? AND at < ? AND action = 'hold' AND reason <> 'told-already' ORDER BY rowid
        """,
        (since, until),
    )
    return [Decided(*row) for row in rows]


def acknowledge(db: sqlite3.Connection, incident: int, ack: Ack | None) -> bool:
    """Note that somebody knows of an incident, or no longer does; False where there is none that is open."""
    value = packed(ack) if ack else None
    return (
        db.execute(
            "UPDATE incidents SET acked = ?, version = version + 1 WHERE id = ? AND closed_at IS NULL",
            (value, incident),
        ).rowcount
        == 1
    )


def diagnosed(db: sqlite3.Connection, incident: int, triage: int) -> None:
    """Note which diagnosis was made of an incident."""
    db.execute("UPDATE incidents SET triage_id = ? WHERE id = ?", (triage, incident))
