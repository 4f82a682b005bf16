"""What thresholds would have done with the samples that are remembered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opskit.app.explain import explained
from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.check import Check, Deviation, Rule, Sustain
from opskit.model.message import say
from opskit.model.sample import Sample
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Item, Verdict
from tests.judge.series import between, latencies

DAY = 86_400.0
NOW = 1_795_363_200.0
RULES = (Rule("used_pct", warn="90", crit="99", per="gpu"), Rule("total_s", "~:30", deviation=Deviation(7 * DAY, 50)))
CHECK = Check("gpu-memory", Text("s"), Text("w"), "gpu", RULES, 900.0, 5.0, sustain=Sustain(2, 3))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "h.db", NOW) as opened:
        yield opened


def record(store: SqliteStore, at: float, *values: float) -> None:
    samples = tuple(Sample("used_pct", value, "%", {"gpu": str(gpu)}, at) for gpu, value in enumerate(values))
    verdict = Verdict(CHECK.id, Status.OK, (Item(Status.OK, say("fine")),), at, samples)
    store.record(verdict, State(CHECK.id, Status.OK, Status.OK, at, at, at + 900), None, 0.1)


def test_faults_are_told_from_their_confirmation_to_their_end(store: SqliteStore) -> None:
    levels = [80.0] * 4 + [95.0] * 3 + [99.5] * 3 + [80.0] * 3 + [95.0] + [80.0] * 3 + [95.0] * 2
    start = NOW - 900 * len(levels)
    for number, level in enumerate(levels):
        record(store, start + 900 * number, 50.0, level)
    found = explained(CHECK, store, NOW)
    assert [
        (alert.status, (alert.at - start) / 900, alert.until and (alert.until - start) / 900) for alert in found.alerts
    ] == [
        (Status.CRITICAL, 5, 11),
        (Status.WARNING, 18, None),
    ]
    (values,) = found.values
    assert (values.known, values.least, values.most, values.outside, values.unit) == (38, 50.0, 99.5, 9, "%")
    assert (found.runs, found.latest is not None) == (19, True)


def test_other_thresholds_lead_to_other_alerts_and_older_samples_do_not_count(store: SqliteStore) -> None:
    record(store, NOW - 8 * DAY, 100.0)
    for number in range(8):
        record(store, NOW - 9000 + 900 * number, 85.0)
    assert explained(CHECK, store, NOW).alerts == ()
    stricter = Check(CHECK.id, CHECK.summary, CHECK.why, "gpu", (Rule("used_pct", "80"),), 900.0, 5.0)
    (alert,) = explained(stricter, store, NOW).alerts
    assert (alert.at, alert.until) == (NOW - 9000, None)
    assert explained(CHECK, store, NOW, days=9).runs == 9


def test_a_check_that_never_ran_is_no_fault(store: SqliteStore) -> None:
    found = explained(CHECK, store, NOW)
    assert (found.latest, found.runs, found.alerts) == (None, 0, ())


def test_a_series_that_was_slower_than_usual_is_told_with_its_time(store: SqliteStore) -> None:
    rule = Rule("total_s", "~:30", deviation=Deviation(7 * DAY, 50, sustained=True))
    check = Check("latency", Text("s"), Text("w"), "latency", (rule,), 900.0, 5.0)
    start = NOW - 12 * DAY
    for at, value in latencies(12, 0.05, 0.05, 3, between(9.0, 9.2, 2.0)):
        sample = Sample("total_s", value, "s", {"layer": "nginx"}, start + at)
        state = State("latency", Status.OK, Status.OK, start + at, start + at, start + at + 900)
        store.record(Verdict("latency", Status.OK, (), start + at, (sample,)), state, None, 0.1)
    (alert,) = explained(check, store, NOW).alerts
    assert (alert.status, alert.series) == (Status.WARNING, "total_s nginx")
    assert alert.until is not None
    assert 9.0 * DAY < alert.at - start < 9.1 * DAY < alert.until - start < 9.4 * DAY
    assert explained(check, store, NOW, days=2).alerts == ()
