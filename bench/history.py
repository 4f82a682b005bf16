"""How large the history grows, and how long its housekeeping takes: a simulated year of 30 checks every 30 seconds.

One day is recorded run by run, as checks do it, five samples each. The days after it are copies of that day, shifted
by SQL, and each of them ends as a real one does, with `prune`. Prints a Markdown table. Run: python bench/history.py
[DAYS]
"""

from __future__ import annotations

import random
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.message import say
from opskit.model.sample import Sample
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict

CHECKS, EVERY_S, METRICS = 30, 30, 5
DAY_S = 86_400
BEGIN = 1_790_035_200.0  # a midnight
SHOWN = (1, 7, 35, 90, 180, 365)


def record_a_day(store: SqliteStore) -> float:
    """Return the mean seconds of one record."""
    chance, began, count = random.Random(1), time.perf_counter(), 0
    for second in range(0, DAY_S, EVERY_S):
        for number in range(CHECKS):
            at, name = BEGIN + second + number / 10, f"check-{number:02}"
            measured = tuple(
                Sample(f"metric_{metric}", round(chance.gauss(50, 10), 2), "ms", at=at) for metric in range(METRICS)
            )
            verdict = Verdict(name, Status.OK, (Item(Status.OK, say("all is well")),), at, measured)
            store.record(verdict, State(name, Status.OK, Status.OK, BEGIN, at, at + 90), None, 0.05)
            count += 1
    return (time.perf_counter() - began) / count


def copy_day(path: Path, day: int) -> None:
    """Write the first day again, so many days later."""
    shift = day * DAY_S * 1000
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("ATTACH ? AS first_day", (str(path.with_name("first.db")),))
        db.execute("INSERT INTO main.runs SELECT check_id, at + ?, status, took FROM first_day.runs", (shift,))
        db.execute("INSERT INTO main.samples SELECT series_id, at + ?, value FROM first_day.samples", (shift,))
        db.execute("UPDATE checks SET at = ?", (BEGIN + (day + 1) * DAY_S,))
    db.close()


def main(days: int) -> int:
    """Print a row for each of the days that are shown."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        with open_store(path, BEGIN) as store:
            once = record_a_day(store)
            store.prune(BEGIN + DAY_S)
        path.with_name("first.db").write_bytes(path.read_bytes())
        print(f"{CHECKS} checks every {EVERY_S} s, {METRICS} samples each; recording a run takes {once * 1e6:.0f} us\n")
        print("| after days | file | rows of samples | housekeeping | newest day of a series | the day 28 days ago |")
        print("|---|---|---|---|---|---|")
        for day in range(1, days + 1):
            if day > 1:
                copy_day(path, day - 1)
            with open_store(path, BEGIN) as store:
                began = time.perf_counter()
                store.prune(BEGIN + day * DAY_S)
                tidied = time.perf_counter() - began
                if day in SHOWN:
                    print(row(store, path, day, tidied), flush=True)
    return 0


def row(store: SqliteStore, path: Path, day: int, tidied: float) -> str:
    """The figures after a day."""
    now = BEGIN + day * DAY_S
    kept = {one.kind: one.count for one in store.inventory()}
    rows = kept["samples"] + kept["rollups-300"] + kept["rollups-3600"]
    reads = [timed(store, since, since + DAY_S) for since in (now - DAY_S, now - 29 * DAY_S)]
    size = path.stat().st_size / 1e6
    return f"| {day} | {size:.0f} MB | {rows:,} | {tidied:.2f} s | {reads[0] * 1e3:.1f} ms | {reads[1] * 1e3:.1f} ms |"


def timed(store: SqliteStore, since: float, until: float) -> float:
    """Return the best of five readings of a day of one series."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        store.samples("check-07", "metric_2", since, until, {})
        best = min(best, time.perf_counter() - began)
    return best


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 365))
