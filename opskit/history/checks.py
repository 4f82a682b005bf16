"""The table of checks: of each its state and newest verdict. Its ids tie runs, series and flips together."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import msgspec

from opskit.history.codec import packed, unpacked
from opskit.history.records import Latest
from opskit.model.state import Flip, State
from opskit.model.status import Status
from opskit.model.verdict import Verdict

_STATE = "name, hard, seen, since, at, valid_until, recent, ring, flapping_since"


def remember(db: sqlite3.Connection, verdict: Verdict, state: State, seconds: float) -> tuple[int, Status | None]:
    """Write the state; return the check's row id and the hard state that stood there before."""
    stood = db.execute("SELECT hard FROM checks WHERE name = ?", (state.check,)).fetchone()
    db.execute(
        """
        INSERT INTO checks (name, hard, seen, since, at, valid_until, recent, ring, flapping_since, verdict, seconds)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET
            hard = excluded.hard, seen = excluded.seen, since = excluded.since, at = excluded.at,
            valid_until = excluded.valid_until, recent = excluded.recent, ring = excluded.ring,
            flapping_since = excluded.flapping_since, verdict = excluded.verdict, seconds = excluded.seconds
        """,
        (
            state.check,
            state.hard.value,
            state.seen.value,
            state.since,
            state.at,
            state.valid_until,
            packed(state.recent),
            packed(state.ring),
            state.flapping_since,
            packed(msgspec.structs.replace(verdict, samples=())),
            seconds,
        ),
    )
    (check_id,) = db.execute("SELECT id FROM checks WHERE name = ?", (state.check,)).fetchone()
    return check_id, Status(stood[0]) if stood else None


def reconciled(db: sqlite3.Connection, state: State, flip: Flip | None) -> State:
    """Return the state to write, where another process has confirmed a change since this one read it.

    Whoever saw no change must not take that one back without a word: the confirmed state stays, and the next run of the
    check looks at it anew.
    """
    stored = one_state(db, state.check)
    if stored is None or flip is not None or stored.hard is state.hard:
        return state
    return msgspec.structs.replace(state, hard=stored.hard, since=stored.since, flapping_since=stored.flapping_since)


def known(db: sqlite3.Connection, check: str) -> int | None:
    """Return the row id of a check, None where it never ran."""
    row = db.execute("SELECT id FROM checks WHERE name = ?", (check,)).fetchone()
    return int(row[0]) if row else None


def all_states(db: sqlite3.Connection) -> dict[str, State]:
    """Return every state by check id."""
    rows = db.execute(f"SELECT {_STATE} FROM checks ORDER BY name")  # noqa: S608  # columns of ours
    return {row[0]: _state(row) for row in rows}


def one_state(db: sqlite3.Connection, check: str) -> State | None:
    """Return the state of `check`, None where it never ran."""
    row = db.execute(f"SELECT {_STATE} FROM checks WHERE name = ?", (check,)).fetchone()  # noqa: S608  # the same
    return _state(row) if row else None


def newest(db: sqlite3.Connection, check: str) -> Verdict | None:
    """Return the newest verdict of `check`, None where it never ran."""
    row = db.execute("SELECT verdict FROM checks WHERE name = ?", (check,)).fetchone()
    return unpacked(row[0], Verdict) if row else None


def all_latest(db: sqlite3.Connection) -> list[Latest]:
    """Return every state with its newest verdict, by check id."""
    rows = db.execute(f"SELECT verdict, seconds, {_STATE} FROM checks ORDER BY name")  # noqa: S608  # the same
    return [Latest(_state(row), unpacked(verdict, Verdict), seconds) for verdict, seconds, *row in rows]


def _state(row: Sequence[Any]) -> State:
    name, hard, seen, since, at, valid_until, recent, ring, flapping = row
    states = tuple[Status, ...]
    return State(
        name,
        Status(hard),
        Status(seen),
        since,
        at,
        valid_until,
        unpacked(recent, states),
        unpacked(ring, states),
        flapping,
    )
