"""Forgetting rolls up what is old, takes what is older still, gives the room back, and keeps what is still owed."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest

from opskit.history.records import Keep, Kept
from opskit.history.sqlite import SqliteStore
from opskit.model.sample import Sample
from opskit.model.status import Status
from tests.history.builders import CHECK, make_state, make_verdict, run, told

DAY, HOUR = 86_400.0, 3600.0
METRIC = "temperature_c"


def measure(store: SqliteStore, at: float, value: float) -> None:
    """Record a run of one sample."""
    sample = Sample(METRIC, value, "c", {"gpu": "0"}, at)
    store.record(msgspec.structs.replace(make_verdict(at), samples=(sample,)), make_state(at), None, 0.1)


def values(store: SqliteStore) -> list[tuple[float, float]]:
    return store.samples(CHECK, METRIC, 0, 999 * DAY, {"gpu": "0"})


def rows(store: SqliteStore) -> dict[str, int]:
    return {kept.kind: kept.count for kept in store.inventory()}


def test_samples_of_a_week_stay_as_they_were_measured(store: SqliteStore):
    for hour in range(24 * 7):
        measure(store, 100 * DAY + hour * HOUR, float(hour))
    before = values(store)
    assert store.prune(107 * DAY) == 0
    assert values(store) == before


def test_older_ones_become_means_of_five_minutes_and_then_of_an_hour(store: SqliteStore):
    for second in range(0, 3600, 30):
        measure(store, 100 * DAY + second, float(second))
    assert store.prune(109 * DAY) == 120
    assert values(store) == [(100 * DAY + 150 + 300 * slot, 135.0 + 300 * slot) for slot in range(12)]
    assert rows(store) | {"checks": 1, "samples": 0, "rollups-300": 12, "rollups-3600": 0} == rows(store)
    assert store.series(CHECK)[0].count == 120
    store.prune(191 * DAY)
    assert values(store) == [(100 * DAY + 1800, 1785.0)]
    assert rows(store) | {"rollups-300": 0, "rollups-3600": 1} == rows(store)
    assert store.series(CHECK)[0].count == 120
    store.prune(501 * DAY)
    assert values(store) == []
    assert rows(store) == dict.fromkeys(rows(store), 0)


def test_a_slow_series_loses_no_value_where_it_is_rolled_up(store: SqliteStore):
    measured = [(100 * DAY + 900 * number, math.sin(number)) for number in range(96)]
    for at, value in measured:
        measure(store, at, value)
    store.prune(150 * DAY)
    kept = values(store)
    assert [value for _, value in kept] == [value for _, value in measured]
    assert all(abs(at - when) <= 150 for (at, _), (when, _) in zip(kept, measured, strict=True))


def test_no_span_is_rolled_up_before_it_is_over(store: SqliteStore):
    for minute in range(0, 180, 10):
        measure(store, 100 * DAY + 60 * minute, 1.0)
    store.prune(108 * DAY + 1.5 * HOUR)
    assert rows(store) | {"samples": 12, "rollups-300": 6} == rows(store)


def test_what_comes_late_joins_the_rollup_that_is_there(store: SqliteStore):
    measure(store, 100 * DAY, 10.0)
    measure(store, 100 * DAY + 30, 20.0)
    store.prune(109 * DAY)
    measure(store, 109 * DAY, 0.0)
    late = msgspec.structs.replace(
        make_verdict(100 * DAY + 60), samples=(Sample(METRIC, 60.0, "c", {"gpu": "0"}, 100 * DAY + 60),)
    )
    store.record(late, None, None, 0.1)
    store.prune(109 * DAY)
    assert values(store) == [(100 * DAY + 150, 30.0), (109 * DAY, 0.0)]
    assert store.series(CHECK)[0].count == 4


def test_values_without_a_mean_are_no_obstacle(store: SqliteStore):
    measure(store, 100 * DAY, math.inf)
    measure(store, 100 * DAY + 30, -math.inf)
    measure(store, 100 * DAY + 900, math.inf)
    store.prune(109 * DAY)
    assert values(store) == [(100 * DAY + 1050, math.inf)]


def test_the_span_is_the_callers(store: SqliteStore):
    for day in range(10):
        run(store, day * DAY, Status.OK, Status.OK)
    store.prune(10 * DAY, Keep(raw_days=1, fine_days=1, days=2, runs_days=3))
    assert [at for at, _ in values(store)] == [8 * DAY + 1800, 9 * DAY]
    assert store.runs(0, 99 * DAY)[0].first == 7 * DAY


def test_a_check_that_no_longer_runs_is_forgotten_as_a_whole(store: SqliteStore):
    run(store, 1 * DAY, Status.OK, Status.OK, "removed")
    run(store, 400 * DAY, Status.OK, Status.OK)
    store.heartbeat("gone", 1 * DAY)
    store.prune(402 * DAY)
    assert list(store.states()) == [CHECK]
    assert store.heartbeats() == {}
    assert store.series("removed") == []


def test_a_flip_that_is_still_open_is_kept_with_its_check(store: SqliteStore):
    run(store, 1 * DAY, Status.CRITICAL, Status.OK)
    store.prune(999 * DAY)
    (incident,) = store.unsettled()
    assert [member.check for member in incident.members] == [CHECK]


def test_a_long_problem_still_gets_its_recovery(store: SqliteStore):
    run(store, 1 * DAY, Status.OK, None)
    run(store, 2 * DAY, Status.CRITICAL, Status.OK)
    store.mark_sent(told(store, 2 * DAY), 2 * DAY)
    run(store, 999 * DAY, Status.CRITICAL, Status.CRITICAL)
    store.prune(999 * DAY)
    run(store, 1000 * DAY, Status.OK, Status.CRITICAL)
    assert [flip.after for flip in store.flips(0, 9999 * DAY)] == [Status.CRITICAL, Status.OK]
    (incident,) = store.unsettled()
    assert (incident.closed_at, incident.said.status) == (1000 * DAY, Status.CRITICAL)


def test_what_is_told_and_over_goes_with_all_that_was_decided(store: SqliteStore):
    for day, check in ((1, "old"), (900, "new")):
        run(store, day * DAY, Status.CRITICAL, Status.OK, check)
        incident = store.unsettled()[0].id
        store.mark_sent(told(store, day * DAY, incident), day * DAY)
        run(store, day * DAY + 60, Status.OK, Status.CRITICAL, check)
        store.mark_sent(told(store, day * DAY + 61, incident, kind="recovery"), day * DAY + 62)
    store.prune(999 * DAY)
    assert [one.id for one in store.incidents(0, 9999 * DAY)] == [2]
    assert [flip.check for flip in store.flips(0, 9999 * DAY)] == ["new", "new"]
    assert {notice.incident for notice in store.notices(0, 9999 * DAY)} == {2}
    assert store.decisions(1) == []


def test_a_notice_that_still_waits_keeps_its_incident(store: SqliteStore):
    run(store, 1 * DAY, Status.CRITICAL, Status.OK)
    run(store, 1 * DAY + 60, Status.OK, Status.CRITICAL)
    told(store, 1 * DAY + 61)
    store.prune(999 * DAY)
    assert [notice.incident for notice in store.due(999 * DAY)] == [1]


def test_the_file_becomes_smaller(store: SqliteStore, path: Path):
    for second in range(3000):
        run(store, float(second), Status.OK, Status.OK)
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = path.stat().st_size
    store.prune(99 * DAY)
    assert path.stat().st_size < before / 2
    assert path.with_name("history.db-wal").stat().st_size == 0


@pytest.mark.parametrize("kind", ["runs", "samples"])
def test_the_inventory_says_how_much_and_of_which_time(store: SqliteStore, kind: str):
    assert {kept.count for kept in store.inventory()} == {0}
    run(store, 10.0, Status.OK, None)
    run(store, 20.5, Status.OK, Status.OK)
    assert Kept(kind, {"runs": 2, "samples": 6}[kind], 10.0, 20.5) in store.inventory()


def test_what_is_done_once_is_noted_once_and_forgotten_with_the_runs(store: SqliteStore):
    assert not store.is_done("report 2026-11-28")
    assert [store.first("report 2026-11-28", at) for at in (1 * DAY, 2 * DAY)] == [True, False]
    assert store.is_done("report 2026-11-28")
    assert store.first("report 2026-11-29", 2 * DAY)
    assert store.heartbeats() == {}
    store.prune(36.5 * DAY)
    assert store.first("report 2026-11-28", 37 * DAY)
    assert not store.first("report 2026-11-29", 37 * DAY)
