"""Which earlier values a sample is held against, and what is said where its basis changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from opskit.app.past import earlier_of, levels_of, new_bases
from opskit.history.sqlite import SqliteStore, open_store
from opskit.judge.level import Level
from opskit.model.check import Check, Deviation, Rule
from opskit.model.reader import Reader
from opskit.model.sample import Sample
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Verdict

NOW = 1_795_363_200.0
RULE = Rule("total_s", "~:30", deviation=Deviation(7 * 86400, 50, sustained=True))
CHECK = Check("latency", Text("s"), Text("w"), "latency", (RULE,), 900.0, 5.0)
READER = Reader(UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "h.db", NOW) as opened:
        yield opened


def record(store: SqliteStore, at: float, value: float, basis: str = "", **labels: str) -> Verdict:
    verdict = Verdict("latency", Status.OK, (), at, (Sample("total_s", value, "s", labels, at, basis=basis),))
    store.record(verdict, State("latency", Status.OK, Status.OK, at, at, at + 900), None, 0.1)
    return verdict


def known(store: SqliteStore, basis: str, **labels: str) -> list[float]:
    sample = Sample("total_s", 1.0, "s", labels, NOW, basis=basis)
    return [value for _, value in earlier_of(store, CHECK)(sample, 3600.0)]


def test_values_of_another_basis_or_label_are_not_compared(store: SqliteStore) -> None:
    record(store, NOW - 50, 1.0, "model a")
    record(store, NOW - 40, 2.0, "model b")
    record(store, NOW - 30, 3.0, "model b", layer="nginx")
    record(store, NOW - 7200, 4.0, "model b")
    assert (known(store, "model a"), known(store, "model b"), known(store, "model c")) == ([1.0], [2.0], [])
    assert known(store, "model b", layer="nginx") == [3.0]


def test_where_the_basis_is_not_known_the_newest_is_meant(store: SqliteStore) -> None:
    record(store, NOW - 50, 1.0, "model a")
    record(store, NOW - 40, 2.0, "model b")
    record(store, NOW - 30, 3.0)
    assert known(store, "") == [2.0, 3.0]
    assert known(store, "model b") == [2.0]


def test_what_was_measured_before_anything_was_known_counts_until_a_second_basis_is_known(store: SqliteStore) -> None:
    record(store, NOW - 50, 1.0)
    assert known(store, "model a") == [1.0]
    record(store, NOW - 40, 2.0, "model a")
    record(store, NOW - 30, 3.0)
    assert known(store, "model a") == [1.0, 2.0, 3.0]
    (plain, own) = sorted(store.series("latency"), key=lambda series: series.basis)
    store.accept("latency", own, Level(NOW - 45, 2.0), NOW)
    assert known(store, "model a") == [2.0, 2.0, 3.0]
    assert [level.factor for level in levels_of(store, "latency", plain)] == [2.0]
    assert known(store, "model b") == []


def test_a_new_basis_is_told_with_the_former_average_until_it_is_learned(store: SqliteStore) -> None:
    for number in range(4):
        record(store, NOW - 900 * (10 - number), 2.0 + number, "Ollama 1")
    assert list(new_bases(store, CHECK, record(store, NOW - 900, 9.0, "Ollama 1"), READER)) == []
    verdict = record(store, NOW, 5.0, "Ollama 2")
    (told,) = new_bases(store, CHECK, verdict, READER)
    assert str(told) == (
        "a new baseline since 2026-11-22 16:00:00+00:00: Ollama 2 (before: Ollama 1, total_s on average 4.6s)"
    )
    for number in range(50):
        verdict = record(store, NOW + number + 1, 5.0, "Ollama 2")
    assert list(new_bases(store, CHECK, verdict, READER)) == []


def test_accepted_levels_are_part_of_the_past(store: SqliteStore) -> None:
    record(store, NOW - 50, 1.0, "model a")
    record(store, NOW - 40, 2.0, "model a")
    (series,) = store.series("latency")
    assert (series.count, series.first, series.last, series.unit) == (2, NOW - 50, NOW - 40, "s")
    assert store.accept("latency", series, Level(NOW - 45, 3.0), NOW)
    assert known(store, "model a") == [3.0, 2.0]
    assert not store.accept("other", series, Level(NOW - 45, 3.0), NOW)
    store.prune(NOW + 402 * 86400)
    assert store.accepted("latency", series) == []
