"""The tables of numbers: runs and samples. Written with every check, read by baselines, charts and reports.

Samples that grew old stand as rollups: of each span of time how many they were, their least, mean and highest.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping

from opskit.history.codec import bindable, milliseconds, series_key, series_of
from opskit.history.records import Runs, Series
from opskit.model.sample import Sample
from opskit.model.status import Status
from opskit.model.verdict import Verdict

_STATES = {status.exit_code: status for status in Status}


def add_run(db: sqlite3.Connection, check_id: int, verdict: Verdict, seconds: float) -> None:
    """Keep that the check ran, with what result and how long."""
    db.execute(
        "INSERT OR REPLACE INTO runs (check_id, at, status, took) VALUES (?, ?, ?, ?)",
        (check_id, milliseconds(verdict.at), verdict.status.exit_code, milliseconds(seconds)),
    )


def add_samples(db: sqlite3.Connection, check_id: int, verdict: Verdict) -> None:
    """Keep the values of the verdict's samples, each in its series."""
    for sample in verdict.samples:
        # No value, or not a number: there is nothing to chart, and the verdict tells why.
        if sample.value is None or math.isnan(sample.value):
            continue
        db.execute(
            "INSERT OR REPLACE INTO samples (series_id, at, value) VALUES (?, ?, ?)",
            (_series_id(db, check_id, sample), milliseconds(sample.at or verdict.at), sample.value),
        )


def _series_id(db: sqlite3.Connection, check_id: int, sample: Sample) -> int:
    key = (check_id, bindable(sample.metric), series_key(sample.labels, sample.basis))
    find = "SELECT id FROM series WHERE check_id = ? AND metric = ? AND labels = ?"
    row = db.execute(find, key).fetchone()
    if row is None:
        db.execute("INSERT INTO series (check_id, metric, labels, unit) VALUES (?, ?, ?, ?)", (*key, sample.unit))
        row = db.execute(find, key).fetchone()
    return int(row[0])


def samples(
    db: sqlite3.Connection,
    check: str,
    metric: str,
    since: float,
    until: float,
    labels: Mapping[str, str] | None,
    basis: str,
) -> list[tuple[float, float]]:
    """Return (at, value) by time."""
    key = None if labels is None else series_key(labels, basis)
    found = [
        (at, series_id, value)
        for series_id, name, known, _ in _series_of(db, check)
        if name == metric and key in {None, known}
        for at, value in _values(db, series_id, since, until)
    ]
    return [(at, value) for at, _, value in sorted(found)]


def recorded(db: sqlite3.Connection, check: str, since: float, until: float) -> dict[float, list[Sample]]:
    """Return all samples of a check by time."""
    found: dict[float, list[Sample]] = {}
    for series_id, metric, key, unit in _series_of(db, check):
        names, basis = series_of(key)
        for at, value in _values(db, series_id, since, until):
            found.setdefault(at, []).append(Sample(metric, value, unit, names, at, basis=basis))
    return dict(sorted(found.items()))


def series(db: sqlite3.Connection, check: str) -> list[Series]:
    """Return the series of a check, those with the newest values last."""
    found = []
    for series_id, metric, key, unit in _series_of(db, check):
        first, last, count = _extent(db, series_id)
        if count:
            found.append((last, series_id, Series(metric, *series_of(key), unit, first, last, count)))
    return [one for _, _, one in sorted(found, key=lambda item: item[:2])]


def _series_of(db: sqlite3.Connection, check: str) -> Iterator[tuple[int, str, str, str]]:
    """Yield id, metric, key of labels and basis, and unit of each series of a check."""
    yield from db.execute(
        """
        SELECT series.id, series.metric, series.labels, series.unit
        FROM checks JOIN series ON series.check_id = checks.id WHERE checks.name = ? ORDER BY series.id
        """,
        (check,),
    ).fetchall()


def _values(db: sqlite3.Connection, series_id: int, since: float, until: float) -> list[tuple[float, float]]:
    """Return (at, value) of one series; a rollup stands with its mean in the middle of its span."""
    return db.execute(
        """
        SELECT at / 1000.0 AS at, value FROM samples WHERE series_id = :id AND at >= :since AND at < :until
        UNION ALL
        SELECT at + span / 2.0, mean FROM rollups
        WHERE series_id = :id AND mean IS NOT NULL AND at + span / 2.0 >= :since / 1000.0
            AND at + span / 2.0 < :until / 1000.0
        ORDER BY 1
        """,
        {"id": series_id, "since": milliseconds(since), "until": milliseconds(until)},
    ).fetchall()


def _extent(db: sqlite3.Connection, series_id: int) -> tuple[float, float, int]:
    """Return when the first and the last value of a series were measured, and how many there were."""
    first, last, count = db.execute(
        """
        SELECT min(first), max(last), sum(count) FROM (
            SELECT min(at) / 1000.0 AS first, max(at) / 1000.0 AS last, count(*) AS count
            FROM samples WHERE series_id = :id
            UNION ALL
            SELECT min(at + span / 2.0), max(at + span / 2.0), total(n) FROM rollups WHERE series_id = :id)
        """,
        {"id": series_id},
    ).fetchone()
    return first or 0.0, last or 0.0, int(count)


def runs(db: sqlite3.Connection, since: float, until: float) -> list[Runs]:
    """Return how the runs of the span went, by check id."""
    rows = db.execute(
        """
        SELECT checks.name, runs.status, count(*), min(runs.at) / 1000.0, max(runs.at) / 1000.0, sum(runs.took) / 1000.0
        FROM checks JOIN runs ON runs.check_id = checks.id
        WHERE runs.at >= ? AND runs.at < ?
        GROUP BY checks.name, runs.status
        ORDER BY checks.name
        """,
        (milliseconds(since), milliseconds(until)),
    )
    by_check: dict[str, list[tuple[int, int, float, float, float]]] = {}
    for check, *rest in rows:
        by_check.setdefault(check, []).append((rest[0], rest[1], rest[2], rest[3], rest[4]))
    return [_summed(check, parts) for check, parts in by_check.items()]


def first_runs(db: sqlite3.Connection) -> dict[str, float]:
    """Return when each check ran for the first time, by its id."""
    rows = db.execute("SELECT name, (SELECT min(at) / 1000.0 FROM runs WHERE check_id = checks.id) FROM checks")
    return {check: at for check, at in rows if at is not None}


def _summed(check: str, parts: list[tuple[int, int, float, float, float]]) -> Runs:
    counts = {_STATES[status]: count for status, count, _, _, _ in parts}
    return Runs(
        check=check,
        counts=counts,
        first=min(first for _, _, first, _, _ in parts),
        last=max(last for _, _, _, last, _ in parts),
        mean_s=sum(seconds for _, _, _, _, seconds in parts) / sum(counts.values()),
    )
