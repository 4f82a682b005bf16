"""The table of diagnoses: each run of triage on this host, with what was done about it."""

from __future__ import annotations

import sqlite3
from typing import Any

from opskit.history.codec import bindable, packed, unpacked
from opskit.history.records import KeptTriage

_ROWS = "SELECT at, playbook, outcome, code, certainty, also_seen, seconds, exit_code, told FROM triages"
_MOST = 1000  # who has a timer run triage every minute must not fill the disk with it


def keep(db: sqlite3.Connection, kept: KeptTriage) -> int:
    """Add a row and return its id; the oldest above the limit go."""
    added = db.execute(
        """
        INSERT INTO triages (at, playbook, outcome, code, certainty, also_seen, seconds, exit_code, told)
        VALUES (:at, :playbook, :outcome, :code, :certainty, :also_seen, :seconds, :exit_code, :told)
        """,
        _values(kept),
    )
    number = added.lastrowid or 0
    db.execute("DELETE FROM triages WHERE id <= ?", (number - _MOST,))
    return number


def amend(db: sqlite3.Connection, number: int, kept: KeptTriage) -> None:
    """Write what became of a row's diagnosis; nothing where it was pruned."""
    values = {**_values(kept), "id": number}
    db.execute("UPDATE triages SET exit_code = :exit_code, told = :told WHERE id = :id", values)


def last(db: sqlite3.Connection, playbook: str | None) -> KeptTriage | None:
    """Return the row that was added last."""
    row = db.execute(
        f"{_ROWS} WHERE :playbook IS NULL OR playbook = :playbook ORDER BY id DESC LIMIT 1",
        {"playbook": playbook if playbook is None else bindable(playbook)},
    ).fetchone()
    return _kept(row) if row else None


def one(db: sqlite3.Connection, number: int) -> KeptTriage | None:
    """Return the row of a number."""
    row = db.execute(f"{_ROWS} WHERE id = ?", (number,)).fetchone()
    return _kept(row) if row else None


def between(db: sqlite3.Connection, since: float, until: float) -> list[KeptTriage]:
    """Return the rows of a span in the order in which they were added."""
    return [_kept(row) for row in db.execute(f"{_ROWS} WHERE at >= ? AND at < ? ORDER BY id", (since, until))]


def is_known(db: sqlite3.Connection, kept: KeptTriage) -> bool:
    """Return whether the same diagnosis stands in a row already."""
    found = db.execute("SELECT 1 FROM triages WHERE at = ? AND playbook = ?", (kept.at, bindable(kept.playbook)))
    return found.fetchone() is not None


def _kept(row: tuple[Any, ...]) -> KeptTriage:
    at, name, outcome, code, certainty, also_seen, seconds, exit_code, told = row
    codes = unpacked(also_seen, tuple[str, ...])
    return KeptTriage(at, name, outcome, code, certainty, codes, seconds, exit_code, told)


def _values(kept: KeptTriage) -> dict[str, object]:
    return {
        "at": kept.at,
        "playbook": bindable(kept.playbook),
        "outcome": kept.outcome,
        "code": kept.code and bindable(kept.code),
        "certainty": kept.certainty,
        "also_seen": packed(kept.also_seen),
        "seconds": kept.seconds,
        "exit_code": kept.exit_code,
        "told": bindable(kept.told),
    }
