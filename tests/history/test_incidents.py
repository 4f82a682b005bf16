"""Flips become incidents: opened, joined by kin, closed when all is well, and decided about once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from opskit.history.incident import Ack, Decided, NewNotice, Said, Silence
from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.status import Status
from tests.history.builders import SUMMARY, make_verdict, run, told

OK, WARNING, CRITICAL, UNKNOWN = Status.OK, Status.WARNING, Status.CRITICAL, Status.UNKNOWN


def members(store: SqliteStore, number: int = 1) -> list[str]:
    found = store.incident(number)
    assert found is not None
    return [member.check for member in found.members]


def test_a_bad_flip_opens_an_incident_with_all_that_is_to_be_told(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK, "ollama")
    (incident,) = store.unsettled()
    assert (incident.id, incident.opened_at, incident.closed_at, incident.settled) == (1, 10.0, None, False)
    assert (incident.status, incident.worst, incident.flaps) == (CRITICAL, CRITICAL, False)
    (member,) = incident.members
    assert (member.check, member.hard, member.since, member.joined_at, member.summary) == (
        "ollama",
        CRITICAL,
        10.0,
        10.0,
        SUMMARY,
    )
    assert member.items == make_verdict(10.0, CRITICAL).items
    assert (incident.said, incident.last, incident.ack, incident.triage) == (Said(), None, None, None)


@pytest.mark.parametrize("way", [[(OK, None)], [(UNKNOWN, None)], [(UNKNOWN, None), (OK, UNKNOWN)]])
def test_what_is_well_or_was_never_known_is_no_incident(store: SqliteStore, way: list[tuple[Status, Status | None]]):
    for number, (after, before) in enumerate(way):
        run(store, 10.0 + number, after, before)
    assert store.incidents(0, 99) == []
    assert [flip.incident for flip in store.flips(0, 99)] == [None] * len(way)


def test_not_knowing_any_more_is_one(store: SqliteStore):
    run(store, 10.0, OK, None)
    run(store, 20.0, UNKNOWN, OK)
    (incident,) = store.unsettled()
    assert incident.status is UNKNOWN


def test_all_changes_of_a_check_until_it_is_well_are_one_incident(store: SqliteStore):
    path = (WARNING, CRITICAL, WARNING, OK, CRITICAL)
    before = OK
    for number, status in enumerate(path):
        run(store, 10.0 + number, status, before)
        before = status
    first, second = store.incidents(0, 99)
    assert (first.closed_at, first.worst, first.status) == (13.0, CRITICAL, CRITICAL)
    assert (second.opened_at, second.closed_at) == (14.0, None)
    assert [flip.incident for flip in store.flips(0, 99)] == [1, 1, 1, 1, 2]


def test_kin_that_turn_bad_at_about_the_same_time_are_one_incident(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK, "ollama")
    run(store, 40.0, CRITICAL, OK, "nginx", kin=["ollama", "gateway"])
    run(store, 50.0, UNKNOWN, OK, "latency", kin=["ollama"])
    run(store, 60.0, CRITICAL, OK, "certificate", kin=["nothing"])
    assert members(store) == ["ollama", "nginx", "latency"]
    assert members(store, 2) == ["certificate"]


def test_who_stands_below_joins_those_on_top_too(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK, "nginx")
    run(store, 40.0, CRITICAL, OK, "gpu", kin=["nginx"])
    assert members(store) == ["nginx", "gpu"]


def test_a_fault_that_began_later_is_another_incident(store: SqliteStore):
    run(store, 10.0, WARNING, OK, "gpu")
    run(store, 3700.0, CRITICAL, OK, "nginx", kin=["gpu"], within=3600.0)
    assert (members(store), members(store, 2)) == (["gpu"], ["nginx"])


def test_kin_that_are_well_again_hold_nobody(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK, "ollama")
    run(store, 20.0, CRITICAL, OK, "latency", kin=["ollama"])
    run(store, 30.0, OK, CRITICAL, "ollama", kin=["latency"])
    run(store, 40.0, CRITICAL, OK, "gpu", kin=["ollama"])
    assert (members(store), members(store, 2)) == (["ollama", "latency"], ["gpu"])


def test_it_closes_when_the_last_check_is_well(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK, "ollama")
    run(store, 20.0, CRITICAL, OK, "nginx", kin=["ollama"])
    run(store, 30.0, OK, CRITICAL, "ollama")
    assert store.unsettled()[0].closed_at is None
    run(store, 40.0, OK, CRITICAL, "nginx")
    (incident,) = store.unsettled()
    assert (incident.closed_at, incident.status, incident.settled) == (40.0, OK, False)


def test_it_stays_open_while_a_check_flaps_and_closes_without_a_flip(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    run(store, 20.0, OK, CRITICAL, flapping=15.0)
    incident = store.unsettled()[0]
    assert (incident.closed_at, incident.flaps, incident.status, incident.worst) == (None, True, OK, CRITICAL)
    run(store, 30.0, CRITICAL, OK, flapping=15.0)
    run(store, 40.0, OK, CRITICAL, flapping=15.0)
    run(store, 2000.0, OK, OK)
    assert [one.closed_at for one in store.incidents(0, 9999)] == [2000.0]


def test_a_span_finds_the_incidents_that_lasted_into_it(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    run(store, 20.0, OK, CRITICAL)
    run(store, 30.0, CRITICAL, OK)
    assert [one.id for one in store.incidents(15.0, 18.0)] == [1]
    assert [one.id for one in store.incidents(20.0, 30.0)] == [1]
    assert [one.id for one in store.incidents(20.5, 30.5)] == [2]
    assert [one.id for one in store.incidents(500.0, 501.0)] == [2]


def test_a_decision_and_its_notice_are_written_once(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    (read,) = store.unsettled()
    said, notice = Said(CRITICAL, ("gpu-temperature",), 40.0, 1), NewNotice("problem", "{}")
    assert store.decide(read, Decided(40.0, "send", "problem"), said, notice, ["email"])
    assert not store.decide(read, Decided(41.0, "send", "problem"), said, notice, ["email"])
    (incident,) = store.unsettled()
    assert (incident.said, incident.last) == (said, Decided(40.0, "send", "problem"))
    assert len(store.notices(0, 99)) == 1
    assert store.decisions(1) == [Decided(40.0, "send", "problem")]


def test_of_many_deciders_exactly_one_writes(store: SqliteStore, path: Path):
    run(store, 10.0, CRITICAL, OK)
    (read,) = store.unsettled()
    won = []

    def work() -> None:
        with open_store(path, 0.0) as mine:
            start.wait()
            won.append(
                mine.decide(read, Decided(40.0, "send", "problem"), Said(CRITICAL), NewNotice("p", "{}"), ["email"])
            )

    start = threading.Barrier(8)
    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(won) == [False] * 7 + [True]
    assert len(store.notices(0, 99)) == 1


def test_an_incident_is_taken_for_a_while(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    (read,) = store.unsettled()
    assert store.take(read, 40.0, 60.0)
    assert not store.take(read, 41.0, 60.0)
    assert store.take(read, 101.0, 60.0)
    assert store.decide(read, Decided(102.0, "send", "problem"), Said(CRITICAL))
    assert not store.take(read, 500.0, 60.0)
    assert store.take(store.unsettled()[0], 103.0, 60.0)


@pytest.mark.parametrize(("action", "settled"), [("send", True), ("end", True), ("hold", False), ("wait", False)])
def test_what_is_over_and_told_is_settled(store: SqliteStore, action: str, settled: bool):
    run(store, 10.0, CRITICAL, OK)
    run(store, 20.0, OK, CRITICAL)
    (read,) = store.unsettled()
    assert store.decide(read, Decided(21.0, action, "any"), Said())
    assert (store.unsettled() == []) is settled
    run(store, 30.0, CRITICAL, OK)
    assert store.flips(30.0, 31.0)[0].incident == 2


def test_a_notice_about_several_incidents_is_written_for_all_or_none(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK, "one")
    run(store, 11.0, CRITICAL, OK, "two")
    first, second = store.unsettled()
    decided, notice = Decided(40.0, "send", "digest"), NewNotice("digest", "{}")
    told(store, 30.0, incident=1)
    assert not store.decide_all([(first, Said(CRITICAL)), (second, Said(CRITICAL))], decided, notice, ["email"])
    assert [one.kind for one in store.notices(0, 99)] == ["problem"]
    first, second = store.unsettled()
    assert store.decide_all([(first, Said(CRITICAL)), (second, Said(CRITICAL))], decided, notice, ["email"])
    assert [one.kind for one in store.notices(0, 99)] == ["problem", "digest"]
    assert [one.said.status for one in store.unsettled()] == [CRITICAL, CRITICAL]


def test_an_acknowledgement_can_be_taken_back_and_ends_with_the_incident(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK)
    ack = Ack(100.0, CRITICAL, "ada", "disk ordered", 20.0)
    assert store.acknowledge(1, ack)
    assert store.unsettled()[0].ack == ack
    assert store.acknowledge(1, None)
    assert store.unsettled()[0].ack is None
    run(store, 30.0, OK, CRITICAL)
    assert not store.acknowledge(1, ack)
    assert not store.acknowledge(7, ack)


def test_checks_that_nobody_runs_any_more_hold_no_incident_open(store: SqliteStore):
    run(store, 10.0, CRITICAL, OK, "removed")
    run(store, 11.0, CRITICAL, OK, "stays", kin=["removed"])
    store.retire(["removed", "never heard of"], 50.0)
    assert store.unsettled()[0].closed_at is None
    run(store, 60.0, OK, CRITICAL, "stays")
    assert store.unsettled()[0].closed_at == 60.0


def test_silences_are_kept_until_they_are_over(store: SqliteStore):
    number = store.silence(Silence(0, "gpu-*", 10.0, 100.0, "ada", "new card"))
    (silence,) = store.silences(50.0)
    assert (silence.id, silence.by, silence.note) == (number, "ada", "new card")
    assert (silence.covers("gpu-memory"), silence.covers("latency")) == (True, False)
    assert store.end_silence(number, 60.0)
    assert not store.end_silence(number, 70.0)
    assert store.silences(60.0) == []
    assert [one.until for one in store.silences(59.0)] == [60.0]


def test_the_diagnosis_of_an_incident_is_found_again(store: SqliteStore):
    from tests.history.test_triages import FAULT

    run(store, 10.0, CRITICAL, OK)
    number = store.keep_triage(FAULT)
    store.diagnosed(1, number)
    assert store.unsettled()[0].triage == number
    assert store.triage(number) == FAULT
    assert store.triage(number + 1) is None
