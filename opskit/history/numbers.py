"""The tables of numbers: runs and samples. Written with every check, read by baselines, charts and reports."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping

from opskit.history.codec import bindable, series_key, series_of
from opskit.history.store import Runs, Series
from opskit.model.sample import Sample
from opskit.model.status import Status
from opskit.model.verdict import Verdict


def add_run(db: sqlite3.Connection, check_id: int, verdict: Verdict, seconds: float) -> None:
    """Keep that the check ran, with what result and how long."""
    db.execute(
        "INSERT OR REPLACE INTO runs (check_id, at, status, seconds) VALUES (?, ?, ?, ?)",
        (check_id, verdict.at, verdict.status.value, seconds),
    )


def add_samples(db: sqlite3.Connection, check_id: int, verdict: Verdict) -> None:
    """Keep the values of the verdict's samples, each in its series."""
    for sample in verdict.samples:
        # No value, or not a number: there is nothing to chart, and the verdict tells why.
        if sample.value is None or math.isnan(sample.value):
            continue
        db.execute(
            "INSERT OR REPLACE INTO samples (series_id, at, value) VALUES (?, ?, ?)",
            (_series_id(db, check_id, sample), sample.at or verdict.at, sample.value),
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
    return db.execute(
        """
        SELECT samples.at, samples.value
        FROM checks
        JOIN series ON series.check_id = checks.id
        JOIN samples ON samples.series_id = series.id
        WHERE checks.name = :check AND series.metric = :metric AND (:labels IS NULL OR series.labels = :labels)
          AND samples.at >= :since AND samples.at < :until
        ORDER BY samples.at, series.id
        """,
        {"check": check, "metric": metric, "labels": key, "since": since, "until": until},
    ).fetchall()


def recorded(db: sqlite3.Connection, check: str, since: float, until: float) -> dict[float, list[Sample]]:
    """Return all samples of a check by time."""
    rows = db.execute(
        """
        SELECT samples.at, samples.value, series.metric, series.labels, series.unit
        FROM checks
        JOIN series ON series.check_id = checks.id
        JOIN samples ON samples.series_id = series.id
        WHERE checks.name = ? AND samples.at >= ? AND samples.at < ?
        ORDER BY samples.at, series.id
        """,
        (check, since, until),
    )
    found: dict[float, list[Sample]] = {}
    for at, value, metric, labels, unit in rows:
        names, basis = series_of(labels)
        found.setdefault(at, []).append(Sample(metric, value, unit, names, at, basis=basis))
    return found


def series(db: sqlite3.Connection, check: str) -> list[Series]:
    """Return the series of a check, those with the newest values last."""
    rows = db.execute(
        """
        SELECT series.metric, series.labels, series.unit, min(samples.at), max(samples.at), count(*)
        FROM checks
        JOIN series ON series.check_id = checks.id
        JOIN samples ON samples.series_id = series.id
        WHERE checks.name = ?
        GROUP BY series.id
        ORDER BY max(samples.at), series.id
        """,
        (check,),
    )
    return [Series(metric, *series_of(labels), unit, *rest) for metric, labels, unit, *rest in rows]


def runs(db: sqlite3.Connection, since: float, until: float) -> list[Runs]:
    """Return how the runs of the span went, by check id."""
    rows = db.execute(
        """
        SELECT checks.name, runs.status, count(*), min(runs.at), max(runs.at), sum(runs.seconds)
        FROM checks JOIN runs ON runs.check_id = checks.id
        WHERE runs.at >= ? AND runs.at < ?
        GROUP BY checks.name, runs.status
        ORDER BY checks.name
        """,
        (since, until),
    )
    by_check: dict[str, list[tuple[str, int, float, float, float]]] = {}
    for check, *rest in rows:
        by_check.setdefault(check, []).append((rest[0], rest[1], rest[2], rest[3], rest[4]))
    return [_summed(check, parts) for check, parts in by_check.items()]


def _summed(check: str, parts: list[tuple[str, int, float, float, float]]) -> Runs:
    counts = {Status(status): count for status, count, _, _, _ in parts}
    return Runs(
        check=check,
        counts=counts,
        first=min(first for _, _, first, _, _ in parts),
        last=max(last for _, _, _, last, _ in parts),
        mean_s=sum(seconds for _, _, _, _, seconds in parts) / sum(counts.values()),
    )
