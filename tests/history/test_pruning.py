"""Forgetting takes what is old, gives the room back, and keeps what is still owed."""

from __future__ import annotations

from pathlib import Path

from opskit.history.sqlite import SqliteStore
from opskit.model.status import Status
from tests.history.builders import CHECK, run

DAY = 86_400.0


def test_old_runs_and_samples_go_and_young_ones_stay(store: SqliteStore):
    for day in range(50):
        run(store, day * DAY, Status.OK, Status.OK)
    assert store.prune(50 * DAY) == 15 * 4
    assert store.runs(0, 99 * DAY)[0].first == 15 * DAY
    assert store.samples(CHECK, "temperature_c", 0, 99 * DAY)[0][0] == 15 * DAY


def test_the_span_is_the_callers(store: SqliteStore):
    for day in range(10):
        run(store, day * DAY, Status.OK, Status.OK)
    store.prune(10 * DAY, keep_days=2)
    assert [at for at, _ in store.samples(CHECK, "temperature_c", 0, 99 * DAY, {"gpu": "0"})] == [8 * DAY, 9 * DAY]


def test_a_check_that_no_longer_runs_is_forgotten_as_a_whole(store: SqliteStore):
    run(store, 1 * DAY, Status.OK, Status.OK, "removed")
    run(store, 40 * DAY, Status.OK, Status.OK)
    store.heartbeat("gone", 1 * DAY)
    store.prune(41 * DAY)
    assert list(store.states()) == [CHECK]
    assert store.heartbeats() == {}
    assert store._db.execute("SELECT count(*) FROM series").fetchone() == (3,)


def test_a_flip_that_is_still_open_is_kept_with_its_check(store: SqliteStore):
    run(store, 1 * DAY, Status.CRITICAL, Status.OK)
    store.prune(99 * DAY)
    assert [flip.check for flip in store.unsent(99 * DAY)] == [CHECK]


def test_a_long_problem_still_gets_its_recovery(store: SqliteStore):
    run(store, 1 * DAY, Status.OK, None)
    store.mark_dropped(1, 1 * DAY, "not-announced")
    run(store, 2 * DAY, Status.CRITICAL, Status.OK)
    store.mark_sent(2, 2 * DAY)
    run(store, 99 * DAY, Status.CRITICAL, Status.CRITICAL)
    store.prune(99 * DAY)
    run(store, 100 * DAY, Status.OK, Status.CRITICAL)
    assert [flip.id for flip in store.flips(0, 999 * DAY)] == [2, 3]
    assert store.unsent(100 * DAY)[0].announced_problem


def test_the_file_becomes_smaller(store: SqliteStore, path: Path):
    for second in range(3000):
        run(store, float(second), Status.OK, Status.OK)
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = path.stat().st_size
    store.prune(99 * DAY)
    assert path.stat().st_size < before / 3
    assert path.with_name("history.db-wal").stat().st_size == 0
