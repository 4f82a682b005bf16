"""A memory moves: all of it comes out, and goes in beside what another one holds."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from opskit.history import migrations
from opskit.history.incident import Silence
from opskit.history.records import Runs
from opskit.history.row import FlipRow, RollupRow, RunRow, SampleRow
from opskit.history.sqlite import SqliteStore, open_store
from opskit.judge.level import Level
from opskit.model.status import Status
from tests.history.builders import CHECK, run, told
from tests.history.test_triages import FAULT

OK, CRITICAL = Status.OK, Status.CRITICAL
DAY = 86_400.0
EVER = (float("-inf"), float("inf"))


@pytest.fixture
def full(store: SqliteStore) -> SqliteStore:
    """One row of each kind at least."""
    run(store, 1 * DAY, OK, None)
    run(store, 20 * DAY, CRITICAL, OK)
    store.mark_sent(told(store, 20 * DAY + 5), 20 * DAY + 6)
    run(store, 20 * DAY + 60, OK, CRITICAL)
    told(store, 20 * DAY + 61, kind="recovery")
    store.accept(CHECK, store.series(CHECK)[0], Level(2 * DAY, 2.0, None), 3 * DAY)
    store.keep_triage(FAULT)
    store.silence(Silence(0, "gpu-*", 20 * DAY, 21 * DAY, "ada", "新卡"))
    store.prune(20 * DAY)
    return store


@pytest.fixture
def other(tmp_path: Path) -> SqliteStore:
    return open_store(tmp_path / "other.db", 1.0)


def test_a_silence_that_was_ended_does_not_come_back(full: SqliteStore):
    rows = list(full.rows(*EVER))
    (silence,) = full.silences(0)
    assert full.end_silence(silence.id, 20 * DAY + 60)
    assert full.take_in(rows) == 0
    assert full.silences(20 * DAY + 61) == []


def all_of(store: SqliteStore) -> list[object]:
    return sorted(store.rows(*EVER), key=repr)


def test_everything_comes_in_as_it_went_out_and_only_once(full: SqliteStore, other: SqliteStore):
    rows = list(full.rows(*EVER))
    kinds = {type(row).__name__ for row in rows}
    assert kinds == {
        "StateRow",
        "RunRow",
        "SampleRow",
        "RollupRow",
        "LevelRow",
        "IncidentRow",
        "FlipRow",
        "NoticeRow",
        "SilenceRow",
        "TriageRow",
    }
    assert other.take_in(rows) == len(rows)
    assert other.take_in(rows) == 0
    owed = [notice.seed for notice in full.due(99 * DAY)]
    assert len(owed) == 1
    assert [row for row in all_of(other) if getattr(row, "seed", None) not in owed] == [
        row for row in all_of(full) if getattr(row, "seed", None) not in owed
    ]


def test_what_another_memory_still_owes_is_not_told_here(full: SqliteStore, other: SqliteStore):
    other.take_in(full.rows(*EVER))
    assert other.due(99 * DAY) == []
    assert [notice.reason for notice in other.notices(*EVER)] == [None, "imported"]
    assert other.unsettled() == []
    (incident,) = other.incidents(*EVER)
    assert [flip.after for flip in other.incident_flips(incident.id)] == [CRITICAL, OK]
    assert incident.said.count == 2
    assert [one.reason for one in other.decisions(incident.id)] == ["problem", "recovery"]


def test_an_incident_that_lasts_there_is_not_told_here(full: SqliteStore, other: SqliteStore):
    run(full, 30 * DAY, CRITICAL, OK)
    other.take_in(full.rows(*EVER))
    assert len(full.unsettled()) == 1
    assert other.unsettled() == []


def test_newer_states_stay_and_numbers_join(full: SqliteStore, other: SqliteStore):
    run(other, 30 * DAY, OK, None)
    other.take_in(full.rows(*EVER))
    assert other.states()[CHECK].at == 30 * DAY
    assert other.runs(*EVER) == [Runs(CHECK, {OK: 3, CRITICAL: 1}, 1 * DAY, 30 * DAY, 0.25)]
    run(full, 40 * DAY, CRITICAL, OK)
    other.take_in(full.rows(*EVER))
    assert other.states()[CHECK].hard is CRITICAL


def test_a_span_bounds_all_but_states_and_levels(full: SqliteStore):
    rows = list(full.rows(20 * DAY, 20 * DAY + 60))
    assert [row.at for row in rows if isinstance(row, RunRow)] == [20 * DAY]
    assert {row.at for row in rows if isinstance(row, SampleRow)} == {20 * DAY}
    assert [row.after for row in rows if isinstance(row, FlipRow)] == [CRITICAL]
    assert [row for row in rows if isinstance(row, RollupRow)] == []


def test_whoever_stops_in_the_middle_locks_nobody_out(full: SqliteStore):
    rows = full.rows(*EVER)
    next(rows)
    run(full, 50 * DAY, CRITICAL, OK)
    assert 50 * DAY not in {row.at for row in rows if isinstance(row, RunRow)}
    assert 50 * DAY in {row.at for row in full.rows(*EVER) if isinstance(row, RunRow)}
    next(full.rows(*EVER))
    full.close()


def test_rows_of_a_check_of_which_nothing_is_known_are_passed_over(other: SqliteStore):
    named = ("none", "m", {}, "", "")
    rows = [RunRow("none", 1.0, OK, 0.1), SampleRow(*named, 1.0, 2.0), RollupRow(*named, 0, 300, 1, 2.0, 2.0, 2.0)]
    assert other.take_in(rows) == 0
    assert other.inventory()[0].count == 0


def test_all_or_nothing_is_taken_in(full: SqliteStore, other: SqliteStore):
    def rows() -> object:
        yield from full.rows(*EVER)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        other.take_in(rows())  # type: ignore[arg-type]
    assert other.states() == {}


def test_a_history_of_before_keeps_its_numbers(path: Path):
    path.parent.mkdir()
    db = sqlite3.connect(path, isolation_level=None)
    for step in migrations.STEPS[:4]:
        step(db)
    state = ("gpu", "ok", "ok", 5.5, 7.25, 9.0, '["ok"]', '{"check":"gpu","status":"ok","items":[],"at":7.25}', 0.5)
    db.execute("INSERT INTO checks VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)", state)
    for at, status in ((5.5, "critical"), (6.0004, "unknown"), (7.25, "ok")):
        db.execute("INSERT INTO runs VALUES (1, ?, ?, 0.125)", (at, status))
    db.execute("INSERT INTO series VALUES (1, 1, 't', '{}', 'c')")
    db.execute("INSERT INTO samples VALUES (1, 7.25, 41.5)")
    db.execute("INSERT INTO accepted VALUES (1, 6.0, 2.0, NULL, 7.0)")
    db.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
    db.execute("PRAGMA user_version = 4")
    db.close()
    with open_store(path, 10.0) as store:
        assert store.runs(0, 99) == [Runs("gpu", {OK: 1, CRITICAL: 1, Status.UNKNOWN: 1}, 5.5, 7.25, 0.125)]
        assert store.samples("gpu", "t", 0, 99) == [(7.25, 41.5)]
        (series,) = store.series("gpu")
        assert store.accepted("gpu", series) == [Level(6.0, 2.0, None)]
