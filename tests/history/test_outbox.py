"""A flip waits in the outbox until it was told, or until it was decided not to."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.status import Status
from tests.history.builders import CHECK, SUMMARY, make_verdict, run

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def flipped(store: SqliteStore, *path: Status, check: str = CHECK, start: float = 10.0) -> None:
    """Let the state of a check go this way, ten seconds per step."""
    before = None
    for number, status in enumerate(path):
        run(store, start + 10 * number, status, before, check)
        before = status


def test_a_flip_waits_with_everything_needed_to_tell_it(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    (flip,) = store.unsent(11.0)
    assert (flip.check, flip.before, flip.after, flip.at, flip.summary) == (CHECK, OK, CRITICAL, 10.0, SUMMARY)
    assert flip.items == make_verdict(10.0, CRITICAL).items
    assert (flip.attempts, flip.told, flip.superseded, flip.announced_problem) == (0, None, False, False)
    assert (len(flip.seed), flip.thread) == (32, flip.seed)


def test_a_claimed_flip_belongs_to_one_worker_until_the_lease_ends(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    (flip,) = store.unsent(11.0)
    assert store.claim(flip.id, 100.0, 60.0)
    assert not store.claim(flip.id, 100.0, 60.0)
    assert not store.claim(flip.id, 160.0, 60.0)
    assert store.claim(flip.id, 160.5, 60.0)


def test_of_many_workers_exactly_one_gets_the_flip(store: SqliteStore, path: Path):
    run(store, 10.0, CRITICAL, OK)
    won = []

    def work() -> None:
        with open_store(path, 0.0) as mine:
            start.wait()
            won.append(mine.claim(1, 100.0, 60.0))

    start = threading.Barrier(8)
    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(won) == [False] * 7 + [True]


def test_a_sent_flip_is_done(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    store.mark_sent(1, 20.0)
    assert store.unsent(9e9) == []
    assert not store.claim(1, 9e9, 60.0)
    (flip,) = store.flips(0, 99)
    assert (flip.sent_at, flip.dropped_at, flip.attempts, flip.error) == (20.0, None, 1, None)


def test_a_dropped_flip_is_done_and_keeps_its_reason(store: SqliteStore):
    run(store, 10.0, WARNING, OK)
    store.mark_dropped(1, 20.0, "only-warning")
    assert store.unsent(9e9) == []
    (flip,) = store.flips(0, 99)
    assert (flip.sent_at, flip.dropped_at, flip.reason) == (None, 20.0, "only-warning")


def test_a_failed_flip_comes_back_when_it_is_due(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    seed = store.unsent(11.0)[0].seed
    assert store.claim(1, 20.0, 60.0)
    store.release(1, 21.0, "451 not now", 81.0)
    assert store.unsent(80.0) == []
    assert not store.claim(1, 80.0, 60.0)
    (flip,) = store.unsent(81.0)
    assert (flip.seed, flip.attempts, flip.tried_at, flip.error) == (seed, 1, 21.0, "451 not now")
    assert store.claim(1, 81.0, 60.0)


def test_a_worker_that_comes_late_does_not_reopen_a_flip(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    store.mark_sent(1, 20.0)
    store.release(1, 21.0, "late", 22.0)
    store.mark_dropped(1, 23.0, "late")
    store.mark_sent(1, 24.0)
    (flip,) = store.flips(0, 99)
    assert (flip.sent_at, flip.reason, flip.error, flip.attempts) == (20.0, None, None, 1)


def test_the_flips_of_a_check_come_one_after_the_other(store: SqliteStore):
    flipped(store, OK, CRITICAL, OK)
    run(store, 15.0, CRITICAL, OK, "other")
    assert [(flip.check, flip.after) for flip in store.unsent(99)] == [(CHECK, OK), ("other", CRITICAL)]
    store.mark_dropped(1, 50.0, "not-announced")
    store.release(2, 50.0, "not now", 110.0)
    assert [flip.check for flip in store.unsent(99)] == ["other"]
    assert [flip.id for flip in store.unsent(110.0)] == [2, 4]


def test_the_limit_is_kept_oldest_first(store: SqliteStore):
    for number in range(5):
        run(store, 10.0 + number, CRITICAL, OK, f"check-{number}")
    assert [flip.check for flip in store.unsent(99, limit=2)] == ["check-0", "check-1"]


@pytest.mark.parametrize(
    ("told", "expected"),
    [([], None), ([2], CRITICAL), ([2, 3], WARNING), ([2, 3, 4], OK), ([3], WARNING)],
)
def test_a_flip_knows_what_was_last_told_of_its_check(store: SqliteStore, told: list[int], expected: Status | None):
    flipped(store, OK, CRITICAL, WARNING, OK, WARNING)
    run(store, 5.0, CRITICAL, OK, "other")
    store.mark_sent(6, 6.0)
    for flip_id in told:
        store.mark_sent(flip_id, 60.0)
    newest = store.flips(50, 51)[0]
    assert newest.told is expected
    assert newest.announced_problem is (expected in (CRITICAL, WARNING))


def test_an_incident_keeps_its_thread_until_it_ended_well(store: SqliteStore):
    flipped(store, OK, CRITICAL, UNKNOWN, CRITICAL, OK, CRITICAL, OK)
    flips = store.flips(0, 999)
    seeds = [flip.seed for flip in flips]
    assert len(set(seeds)) == 7
    assert [seeds.index(flip.thread) for flip in flips] == [0, 1, 1, 1, 1, 5, 5]
    assert [flip.superseded for flip in flips] == [True] * 6 + [False]
