"""The table of incidents: opened and joined by flips, and closed when all is well.

An incident is written in the transaction that writes the flip: no change of state is without it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from opskit.history.codec import bindable, fresh_seed, unpacked
from opskit.history.incident import Ack, Decided, Incident, Kin, Member, Said
from opskit.model.state import Flip, State
from opskit.model.status import Status
from opskit.model.verdict import Item

_FOREVER = 9e12
_BY_SEVERITY = {status.severity: status for status in Status}


def joined(db: sqlite3.Connection, check_id: int, flip: Flip, kin: Kin) -> int | None:
    """Return the incident that a flip belongs to: the one its check is in, one of its kin, or a new one.

    None where there is nothing to tell: a healthy check, or one of which nothing was ever known.
    """
    own = open_one(db, check_id)
    if own is not None or flip.after is Status.OK or (flip.after is Status.UNKNOWN and flip.before is None):
        return own
    found = _of_kin(db, flip.at, kin)
    if found is not None:
        return found
    row = db.execute("INSERT INTO incidents (seed, opened_at) VALUES (?, ?)", (fresh_seed(), flip.at))
    return row.lastrowid


def open_one(db: sqlite3.Connection, check_id: int) -> int | None:
    """Return the open incident that a check is in."""
    row = db.execute(
        """
        SELECT incidents.id FROM members JOIN incidents ON incidents.id = incident_id
        WHERE check_id = ? AND settled = 0 AND closed_at IS NULL ORDER BY incidents.id DESC LIMIT 1
        """,
        (check_id,),
    ).fetchone()
    return int(row[0]) if row else None


def _of_kin(db: sqlite3.Connection, at: float, kin: Kin) -> int | None:
    """Return the open incident that may have begun together with what flips at `at`."""
    if not kin.checks:
        return None
    marks = ", ".join("?" for _ in kin.checks)
    row = db.execute(
        f"""
        SELECT incidents.id FROM checks JOIN members ON members.check_id = checks.id
            JOIN incidents ON incidents.id = members.incident_id JOIN flips ON flips.id = newest
        WHERE checks.name IN ({marks}) AND checks.hard <> 'ok' AND settled = 0 AND closed_at IS NULL
            AND flips.at >= ? AND flips.after <> 'ok'
        ORDER BY incidents.id LIMIT 1
        """,  # noqa: S608  # as many marks as there are names
        (*kin.checks, at - kin.within),
    ).fetchone()
    return int(row[0]) if row else None


def close_if_over(db: sqlite3.Connection, check_id: int, state: State) -> None:
    """Close the incident of a check that is well, where no other check of it is bad or flaps."""
    if state.hard is not Status.OK or state.flapping_since is not None:
        return
    incident = open_one(db, check_id)
    if incident is not None:
        _close(db, incident, state.at)


def _close(db: sqlite3.Connection, incident: int, at: float) -> None:
    db.execute(
        """
        UPDATE incidents SET closed_at = :at WHERE id = :id AND closed_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM members JOIN checks ON checks.id = check_id
            WHERE incident_id = :id AND (checks.hard <> 'ok' OR checks.flapping_since IS NOT NULL))
        """,
        {"id": incident, "at": at},
    )


def retire(db: sqlite3.Connection, checks: Iterable[str], now: float) -> None:
    """Forget the states of checks that nobody runs any more: an incident must not wait for their end."""
    for name in checks:
        row = db.execute("SELECT id FROM checks WHERE name = ?", (bindable(name),)).fetchone()
        incident = open_one(db, row[0]) if row else None
        if incident is not None:
            db.execute("UPDATE checks SET hard = 'ok', flapping_since = NULL WHERE id = ?", row)
            _close(db, incident, now)


def unsettled(db: sqlite3.Connection) -> list[Incident]:
    """Return the incidents about which something is left to decide, oldest first."""
    return _stored(db, "settled = 0", ())


def one(db: sqlite3.Connection, incident: int) -> Incident | None:
    """Return an incident by its number."""
    found = _stored(db, "incidents.id = ?", (incident,))
    return found[0] if found else None


def between(db: sqlite3.Connection, since: float, until: float) -> list[Incident]:
    """Return the incidents that lasted into a span, oldest first."""
    return _stored(db, "opened_at < ? AND coalesce(closed_at, ?) >= ?", (until, _FOREVER, since))


def _stored(db: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[Incident]:
    rows = db.execute(
        f"""
        SELECT id, seed, opened_at, closed_at, settled, version, told, triage_id, acked,
            decisions.at, action, reason, until
        FROM incidents LEFT JOIN decisions ON decisions.rowid = (
            SELECT max(rowid) FROM decisions WHERE incident_id = incidents.id)
        WHERE {where} ORDER BY id
        """,  # noqa: S608  # a condition of ours
        values,
    ).fetchall()
    members = _members(db, where, values) if rows else {}
    return [
        Incident(
            number,
            seed,
            opened_at,
            closed_at,
            bool(settled),
            version,
            unpacked(told, Said),
            tuple(members.get(number, ())),
            None if decided[0] is None else Decided(*decided),
            triage,
            unpacked(acked, Ack) if acked else None,
        )
        for number, seed, opened_at, closed_at, settled, version, told, triage, acked, *decided in rows
    ]


def _members(db: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> dict[int, list[Member]]:
    """Return the checks of each such incident in the order in which they came into it."""
    rows = db.execute(
        f"""
        SELECT incidents.id, checks.name, checks.hard, worst, checks.since, joined_at, checks.at, checks.valid_until,
            checks.flapping_since, summary, items, after
        FROM incidents JOIN members ON members.incident_id = incidents.id JOIN checks ON checks.id = members.check_id
            JOIN flips ON flips.id = newest
        WHERE {where} ORDER BY members.id
        """,  # noqa: S608  # a condition of ours
        values,
    )
    found: dict[int, list[Member]] = {}
    for number, check, hard, rank, since, joined_at, at, valid_until, flapping, summary, items, newest in rows:
        states, times = (Status(hard), _BY_SEVERITY[rank]), (since, joined_at, at, valid_until, flapping)
        member = Member(check, *states, *times, summary, unpacked(items, tuple[Item, ...]), Status(newest))
        found.setdefault(number, []).append(member)
    return found
