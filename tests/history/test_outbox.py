"""A notice waits in the outbox, for each channel by itself, until it was sent or given up."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from opskit.history.incident import Decided, NewNotice, Said
from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.status import Status
from tests.history.builders import run, told

OK, CRITICAL = Status.OK, Status.CRITICAL


@pytest.fixture
def bad(store: SqliteStore) -> SqliteStore:
    """An incident nobody was told of."""
    run(store, 10.0, CRITICAL, OK)
    return store


def test_a_notice_waits_with_its_content_and_the_name_of_its_incident(bad: SqliteStore):
    notice = told(bad, 20.0)
    (due,) = bad.due(20.0)
    assert due == notice
    assert (due.incident, due.kind, due.content, due.channel, due.at) == (1, "problem", "{}", "email", 20.0)
    assert (due.attempts, due.superseded, due.sent_at, due.dropped_at) == (0, False, None, None)
    assert due.thread == bad.incidents(0, 99)[0].seed
    assert len(due.seed) == 32
    assert due.seed != due.thread


def test_each_channel_has_its_own_delivery(bad: SqliteStore):
    (incident,) = bad.unsettled()
    said = Said(CRITICAL, ("gpu-temperature",), 20.0, 1)
    assert bad.decide(
        incident, Decided(20.0, "send", "problem"), said, NewNotice("problem", "{}"), ["email", "webhook"]
    )
    email, webhook = bad.due(20.0)
    assert (email.channel, webhook.channel, email.seed) == ("email", "webhook", webhook.seed)
    bad.mark_sent(email, 21.0)
    assert [notice.channel for notice in bad.due(99.0)] == ["webhook"]
    assert bad.waiting() == 1


def test_a_claimed_notice_belongs_to_one_worker_until_the_lease_ends(bad: SqliteStore):
    notice = told(bad, 20.0)
    assert bad.claim(notice, 100.0, 60.0)
    assert not bad.claim(notice, 100.0, 60.0)
    assert not bad.claim(notice, 160.0, 60.0)
    assert bad.claim(notice, 160.5, 60.0)


def test_a_claim_from_the_future_was_made_by_a_wrong_clock(bad: SqliteStore):
    notice = told(bad, 20.0)
    assert bad.claim(notice, 4000.0, 60.0)
    assert bad.claim(notice, 400.0, 60.0)


def test_of_many_workers_exactly_one_gets_the_notice(bad: SqliteStore, path: Path):
    notice = told(bad, 20.0)
    won = []

    def work() -> None:
        with open_store(path, 0.0) as mine:
            start.wait()
            won.append(mine.claim(notice, 100.0, 60.0))

    start = threading.Barrier(8)
    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(won) == [False] * 7 + [True]


def test_a_sent_notice_is_done(bad: SqliteStore):
    notice = told(bad, 20.0)
    bad.mark_sent(notice, 21.0, "one address was refused")
    assert bad.due(9e9) == []
    assert not bad.claim(notice, 9e9, 60.0)
    (done,) = bad.incident_notices(1)
    assert (done.sent_at, done.dropped_at, done.attempts, done.error) == (21.0, None, 1, "one address was refused")


def test_a_notice_that_is_given_up_keeps_its_reason(bad: SqliteStore):
    bad.mark_dropped(told(bad, 20.0), 21.0, "refused", "550 no")
    assert bad.due(9e9) == []
    (done,) = bad.notices(0, 99)
    assert (done.sent_at, done.dropped_at, done.reason, done.error) == (None, 21.0, "refused", "550 no")


def test_a_failed_notice_comes_back_when_it_is_due(bad: SqliteStore):
    notice = told(bad, 20.0)
    assert bad.claim(notice, 20.0, 60.0)
    bad.release(notice, 21.0, "451 not now", 81.0)
    assert bad.due(80.0) == []
    assert not bad.claim(notice, 80.0, 60.0)
    (again,) = bad.due(81.0)
    assert (again.seed, again.attempts, again.tried_at, again.error) == (notice.seed, 1, 21.0, "451 not now")
    assert bad.claim(again, 81.0, 60.0)


def test_a_clock_that_is_set_back_does_not_hold_up_the_next_attempt(bad: SqliteStore):
    notice = told(bad, 3700.0)
    bad.release(notice, 3720.0, "451 not now", 3780.0)
    assert bad.due(3725.0) == []
    assert [one.seed for one in bad.due(120.0)] == [notice.seed]
    assert bad.claim(notice, 120.0, 60.0)


def test_a_worker_that_comes_late_does_not_reopen_a_notice(bad: SqliteStore):
    notice = told(bad, 20.0)
    bad.mark_sent(notice, 20.0)
    bad.release(notice, 21.0, "late", 22.0)
    bad.mark_dropped(notice, 23.0, "late")
    bad.mark_sent(notice, 24.0)
    (done,) = bad.notices(0, 99)
    assert (done.sent_at, done.reason, done.error, done.attempts) == (20.0, None, None, 1)


def test_a_mail_that_left_has_left_even_where_it_was_given_up(bad: SqliteStore):
    notice = told(bad, 20.0)
    bad.mark_dropped(notice, 21.0, "overtaken")
    bad.mark_sent(notice, 22.0)
    (done,) = bad.notices(0, 99)
    assert (done.sent_at, done.dropped_at, done.reason) == (22.0, None, None)


def test_the_notices_of_an_incident_come_one_after_the_other(bad: SqliteStore):
    problem = told(bad, 20.0)
    recovery = told(bad, 30.0, kind="recovery")
    run(bad, 40.0, CRITICAL, OK, "other")
    other = told(bad, 41.0, incident=2)
    assert [(one.id, one.superseded) for one in bad.due(99.0)] == [(problem.id, True), (other.id, False)]
    bad.release(problem, 50.0, "not now", 110.0)
    assert [one.id for one in bad.due(99.0)] == [other.id]
    bad.mark_sent(problem, 111.0)
    assert [one.id for one in bad.due(111.0)] == [recovery.id, other.id]


def test_one_channel_does_not_hold_up_another(bad: SqliteStore):
    for at in (20.0, 30.0):
        (incident,) = bad.unsettled()
        said = Said(CRITICAL, (), at, 1)
        bad.decide(incident, Decided(at, "send", "more"), said, NewNotice("more", "{}"), ["email", "webhook"])
    first = {one.channel: one for one in bad.due(30.0)}
    bad.release(first["email"], 31.0, "not now", 999.0)
    bad.mark_sent(first["webhook"], 31.0)
    assert [(one.channel, one.at) for one in bad.due(40.0)] == [("webhook", 30.0)]


def test_what_is_about_no_incident_waits_for_nothing(bad: SqliteStore):
    told(bad, 20.0)
    for at in (30.0, 31.0):
        assert bad.first(f"report {at}", at, NewNotice("report", "{}"), ["email"])
    assert [one.kind for one in bad.due(40.0)] == ["problem", "report", "report"]
    assert [one.incident for one in bad.due(40.0)] == [1, None, None]
    assert all(one.thread == one.seed for one in bad.due(40.0)[1:])


def test_the_limit_is_kept_oldest_first(store: SqliteStore):
    for number in range(5):
        run(store, 10.0 + number, CRITICAL, OK, f"check-{number}")
        told(store, 20.0 + number, incident=number + 1)
    assert [one.incident for one in store.due(99.0, limit=2)] == [1, 2]
