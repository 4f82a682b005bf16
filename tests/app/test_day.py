"""A day out of a real history and a real log."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from opskit.app.context import Context
from opskit.app.day import gather
from opskit.app.watched import note_files
from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.reader import Reader
from opskit.model.settings import GatewaySettings, NginxSettings, Settings, Stack
from opskit.model.status import Status
from tests.history.builders import run, told
from tests.history.test_triages import FAULT

OK, CRITICAL = Status.OK, Status.CRITICAL
DAY = date(2026, 11, 27)
MIDNIGHT = datetime(2026, 11, 27, tzinfo=UTC)
AT = MIDNIGHT.timestamp()
MORNING = MIDNIGHT + timedelta(days=1, hours=8)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "gateway.log"


@pytest.fixture
def context(log: Path, tmp_path: Path) -> Context:
    nginx = NginxSettings(conf=str(tmp_path / "nginx.conf"))
    return Context(Settings(stack=Stack(nginx=nginx, gateway=GatewaySettings(log=str(log)))), Reader(UTC))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "history.db", 1.0) as opened:
        yield opened


def write(log: Path, *requests: tuple[datetime, int, str]) -> None:
    same = {"client_ip": "10.0.0.1", "path": "/v1/chat/completions", "duration_ms": 900}
    rows = (
        {"time": at.isoformat(), "request_id": f"r{n}", "user_id": user, "status": status, **same}
        for n, (at, status, user) in enumerate(requests)
    )
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_traffic_is_counted_in_the_day_and_held_against_the_week(
    context: Context, store: SqliteStore, log: Path
) -> None:
    before = [
        (MIDNIGHT - timedelta(days=days, hours=-1), status, "a") for days in range(1, 8) for status in (200, 200, 429)
    ]
    today = [(MIDNIGHT + timedelta(hours=hour), 200, "a") for hour in range(5)]
    refused = [(MIDNIGHT + timedelta(hours=6), 401, user) for user in ("x", "x", "y")]
    after = [(MIDNIGHT + timedelta(days=1, minutes=1), 500, "a")]
    write(log, *sorted(before), *today, *refused, *after)
    found = gather(context, store, DAY, MORNING).traffic
    assert found is not None
    assert (found.requests, found.remarks) == (8, ())
    assert found.usual == pytest.approx(3, rel=0.05)
    counts = {each.status: each for each in found.counts}
    assert [(name, each.count) for name, each in counts.items()] == [("401", 3), ("429", 0), ("5xx", 0)]
    assert counts["401"].top == (("x 10.0.0.1", 2), ("y 10.0.0.1", 1))
    assert counts["429"].usual == pytest.approx(1, rel=0.05)
    assert counts["401"].usual == 0


def test_a_log_that_does_not_reach_back_has_nothing_to_be_held_against(
    context: Context, store: SqliteStore, log: Path
) -> None:
    write(log, (MIDNIGHT + timedelta(hours=2), 200, "a"))
    found = gather(context, store, DAY, MORNING).traffic
    assert found is not None
    assert (found.requests, found.usual) == (1, None)
    assert [each.usual for each in found.counts] == [None, None, None]
    assert found.remarks != ()


def test_no_log_is_no_traffic_and_a_broken_one_is_said(context: Context, store: SqliteStore, log: Path) -> None:
    assert gather(context, store, DAY, MORNING).traffic is None
    log.mkdir()
    found = gather(context, store, DAY, MORNING).traffic
    assert found is not None
    assert found.remarks != ()


def test_incidents_come_with_their_cause_and_what_was_told(context: Context, store: SqliteStore) -> None:
    run(store, AT - 3600, CRITICAL, OK, "ollama-health")
    store.diagnosed(1, store.keep_triage(FAULT))
    store.mark_sent(told(store, AT + 30), AT + 31)
    run(store, AT + 3600, OK, CRITICAL, "ollama-health")
    told(store, AT + 3601, kind="recovery")
    run(store, AT + 7200, CRITICAL, OK, "latency")
    run(store, AT + 90_000, CRITICAL, OK, "tomorrow")
    first, second = gather(context, store, DAY, MORNING).incidents
    assert (first.checks, first.opened_at, first.closed_at) == (("ollama-health",), AT - 3600, AT + 3600)
    assert (first.code, first.notices) == (FAULT.code, 2)
    assert (second.checks, second.closed_at, second.code) == (("latency",), None, None)
    assert gather(context, store, DAY, MORNING).notices.sent == 1
    assert gather(context, store, DAY, MORNING).notices.waiting == 1


def test_an_incident_that_ended_after_the_day_lasted_on_it(context: Context, store: SqliteStore) -> None:
    run(store, AT + 80_000, CRITICAL, OK, "latency")
    run(store, AT + 90_000, OK, CRITICAL, "latency")
    (found,) = gather(context, store, DAY, MORNING).incidents
    assert found.closed_at is None


def test_the_runs_that_should_have_been_are_counted(context: Context, store: SqliteStore) -> None:
    for quarter in range(90):
        run(store, AT + quarter * 900.0, OK, OK, "latency")
    found = gather(context, store, DAY, MORNING)
    assert found.planned["latency"] == 96
    assert found.missed["latency"] == 6
    assert not found.quiet
    assert found.planned["certificate"] == 0


def test_before_its_very_first_run_no_run_is_missing(context: Context, store: SqliteStore) -> None:
    for quarter in range(48, 90):
        run(store, AT + quarter * 900.0 + 5, OK, OK, "latency")
    run(store, AT + 90_000, OK, OK, "gpu-health")
    found = gather(context, store, DAY, MORNING)
    assert (found.planned["latency"], found.missed["latency"]) == (48, 6)
    assert found.missed["gpu-health"] == found.planned["gpu-health"] == 1440, "on this day nobody looked"
    assert gather(context, store, DAY + timedelta(days=1), MORNING).planned["latency"] > 0


def test_today_is_told_as_far_as_it_has_come(context: Context, store: SqliteStore) -> None:
    found = gather(context, store, DAY, MIDNIGHT + timedelta(hours=6))
    assert found.planned["latency"] == 24
    assert found.until == AT + 6 * 3600


def test_a_file_of_the_configuration_that_changed_is_named(
    context: Context, store: SqliteStore, tmp_path: Path
) -> None:
    conf, site = tmp_path / "nginx.conf", tmp_path / "site.conf"
    conf.write_text("events {}\nhttp { include site.conf; }\n")
    site.write_text("server { listen 80; }\n")
    assert note_files(context, store) == []
    assert note_files(context, store) == []
    site.write_text("server { listen 81; }\n")
    assert note_files(context, store) == [str(site)]
    now = datetime.now(UTC)
    assert [each.path for each in gather(context, store, now.date(), now + timedelta(minutes=1)).changes] == [str(site)]
