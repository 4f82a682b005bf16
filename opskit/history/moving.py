"""Moving a memory: its rows out in an order in which they can come in again, and rows in beside what is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from opskit.history import checks, moving_incidents, triages
from opskit.history.codec import bindable, milliseconds, series_key, series_of
from opskit.history.row import (
    FlipRow,
    IncidentRow,
    LevelRow,
    Named,
    NoticeRow,
    RollupRow,
    Row,
    RunRow,
    SampleRow,
    SilenceRow,
    StateRow,
    TriageRow,
)
from opskit.model.status import Status

Of = TypeVar("Of", bound=Named)

_STATES = {status.exit_code: status for status in Status}

_RUNS = """
    SELECT checks.name, runs.at / 1000.0, status, took / 1000.0 FROM runs JOIN checks ON checks.id = check_id
    WHERE runs.at >= ? AND runs.at < ? ORDER BY check_id, runs.at
"""


def rows(db: sqlite3.Connection, since: float, until: float) -> Iterator[Row]:
    """Yield every state and level, and of everything else what lies in the span; what others need comes first."""
    for latest in checks.all_latest(db):
        yield StateRow(latest.state, latest.verdict, latest.seconds)
    in_ms = (milliseconds(since), milliseconds(until))
    for check, at, status, took in db.execute(_RUNS, in_ms):
        yield RunRow(check, at, _STATES[status], took)
    yield from _named(db, SampleRow, "samples", "samples.at / 1000.0, value", in_ms)
    yield from _named(db, RollupRow, "rollups", "rollups.at, span, n, low, mean, high", (since, until))
    yield from _named(
        db, LevelRow, "accepted", "accepted.since, factor, flat, accepted.at", (float("-inf"), float("inf"))
    )
    yield from moving_incidents.rows(db, since, until)
    for kept in triages.between(db, since, until):
        yield TriageRow(kept)


def _named(db: sqlite3.Connection, kind: type[Of], table: str, columns: str, span: tuple[float, float]) -> Iterator[Of]:
    found = db.execute(
        f"""
        SELECT checks.name, series.metric, series.labels, series.unit, {columns}
        FROM {table} JOIN series ON series.id = {table}.series_id JOIN checks ON checks.id = series.check_id
        WHERE {table}.at >= ? AND {table}.at < ? ORDER BY series.id, {table}.at
        """,  # noqa: S608  # names of our own tables
        span,
    )
    for check, metric, key, unit, *values in found:
        yield kind(check, metric, *series_of(key), unit, *values)


def take_in(db: sqlite3.Connection, row: Row) -> bool:
    """Put a row beside what is there; False where the same is there already, or nothing is known of its check."""
    return _TAKERS[type(row)](db, row)


def _state(db: sqlite3.Connection, row: StateRow) -> bool:
    known = checks.one_state(db, row.state.check)
    if known is not None and known.at >= row.state.at:
        return False
    checks.remember(db, row.verdict, row.state, row.seconds)
    return True


def _run(db: sqlite3.Connection, row: RunRow) -> bool:
    return _added(
        db,
        "INSERT OR IGNORE INTO runs (check_id, at, status, took) SELECT id, ?, ?, ? FROM checks WHERE name = ?",
        (milliseconds(row.at), row.status.exit_code, milliseconds(row.seconds), bindable(row.check)),
    )


def _sample(db: sqlite3.Connection, row: SampleRow) -> bool:
    values = (_series(db, row), milliseconds(row.at), row.value)
    return values[0] is not None and _added(
        db, "INSERT OR IGNORE INTO samples (series_id, at, value) VALUES (?, ?, ?)", values
    )


def _rollup(db: sqlite3.Connection, row: RollupRow) -> bool:
    values = (_series(db, row), row.span, row.at, row.n, row.low, row.mean, row.high)
    return values[0] is not None and _added(
        db,
        "INSERT OR IGNORE INTO rollups (series_id, span, at, n, low, mean, high) VALUES (?, ?, ?, ?, ?, ?, ?)",
        values,
    )


def _level(db: sqlite3.Connection, row: LevelRow) -> bool:
    values = (_series(db, row), row.since, row.factor, row.flat, row.at)
    return values[0] is not None and _added(
        db, "INSERT OR IGNORE INTO accepted (series_id, since, factor, flat, at) VALUES (?, ?, ?, ?, ?)", values
    )


def _triage(db: sqlite3.Connection, row: TriageRow) -> bool:
    if triages.is_known(db, row.kept):
        return False
    triages.keep(db, row.kept)
    return True


def _series(db: sqlite3.Connection, row: Named) -> int | None:
    """Return the id of a series, made where it is missing; None where nothing is known of its check."""
    key = (bindable(row.metric), series_key(row.labels, row.basis), bindable(row.unit), bindable(row.check))
    db.execute(
        "INSERT OR IGNORE INTO series (check_id, metric, labels, unit) SELECT id, ?, ?, ? FROM checks WHERE name = ?",
        key,
    )
    found = db.execute(
        "SELECT series.id FROM series JOIN checks ON checks.id = check_id WHERE metric = ? AND labels = ? AND name = ?",
        (key[0], key[1], key[3]),
    ).fetchone()
    return int(found[0]) if found else None


def _added(db: sqlite3.Connection, statement: str, values: tuple[Any, ...]) -> bool:
    return db.execute(statement, values).rowcount > 0


_TAKERS: dict[type, Callable[[sqlite3.Connection, Any], bool]] = {
    StateRow: _state,
    RunRow: _run,
    SampleRow: _sample,
    RollupRow: _rollup,
    LevelRow: _level,
    IncidentRow: moving_incidents.incident,
    FlipRow: moving_incidents.flip,
    NoticeRow: moving_incidents.notice,
    SilenceRow: moving_incidents.silence,
    TriageRow: _triage,
}
