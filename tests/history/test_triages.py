"""Diagnoses in the history: kept, amended, the newest found, the old forgotten."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from msgspec.structs import replace

from opskit.history import migrations
from opskit.history.records import KeptTriage
from opskit.history.sqlite import SqliteStore, open_store

DAY = 86_400.0
FAULT = KeptTriage(1.0, "chat-stuck", "fault", "OPS401", "certain", ("OPS501",), 0.5, 2, '{"text": "\\ud800"}')
WELL = KeptTriage(2.0, "other", "healthy", None, None, (), 0.25, 0, "{}")


def test_the_last_is_the_one_that_was_kept_last_whatever_the_clock_says(store: SqliteStore):
    assert store.last_triage() is None
    store.keep_triage(replace(WELL, at=99.0))
    store.keep_triage(FAULT)
    assert store.last_triage() == FAULT
    assert store.last_triage("other") == replace(WELL, at=99.0)
    assert store.last_triage("none") is None


def test_what_was_done_comes_into_the_row_of_its_diagnosis(store: SqliteStore):
    first, second = store.keep_triage(FAULT), store.keep_triage(WELL)
    assert first != second
    store.amend_triage(first, replace(FAULT, exit_code=0, told='{"helped": true}'))
    assert store.last_triage("chat-stuck") == replace(FAULT, exit_code=0, told='{"helped": true}')
    assert store.last_triage("other") == WELL


def test_old_ones_go_with_the_rest(store: SqliteStore):
    store.keep_triage(replace(FAULT, at=1 * DAY))
    store.keep_triage(replace(FAULT, at=401 * DAY))
    store.prune(402 * DAY)
    assert [kept.at for kept in store.triages(0, 999 * DAY)] == [401 * DAY]


def test_of_very_many_only_the_newest_stay(store: SqliteStore):
    with store._writing() as db:
        db.executemany(
            "INSERT INTO triages (at, playbook, outcome, also_seen, seconds, exit_code, told)"
            " VALUES (?, 'p', 'healthy', '[]', 0, 0, '{}')",
            [(float(number),) for number in range(1500)],
        )
    store.keep_triage(FAULT)
    assert store._db.execute("SELECT count(*) FROM triages").fetchone() == (1000,)
    assert store.last_triage() == FAULT


def test_a_history_of_before_gets_the_table(path: Path):
    path.parent.mkdir()
    db = sqlite3.connect(path, isolation_level=None)
    for step in migrations.STEPS[:3]:
        step(db)
    db.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
    db.execute("PRAGMA user_version = 3")
    db.close()
    with open_store(path, 5.0) as store:
        store.keep_triage(FAULT)
        assert store.last_triage() == FAULT
