"""What is recorded comes back, whole, also from several processes and after a sudden death."""

from __future__ import annotations

import math
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from opskit.history.records import Latest, Runs
from opskit.history.sqlite import SqliteStore, open_store
from opskit.history.store import HistoryError
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.sample import Sample
from opskit.model.state import Flip, State
from opskit.model.status import Status
from opskit.model.text import Text
from opskit.model.verdict import Item, Verdict
from tests.history.builders import CHECK, make_state, make_verdict, run

ROOT = Path(__file__).parents[2]

# Records as fast as it can and says so after each record that has returned.
WRITER = """
import sys
from pathlib import Path
from opskit.history.sqlite import open_store
from opskit.model.state import Flip
from opskit.model.status import Status
from opskit.model.text import Text
from tests.history.builders import make_state, make_verdict
path, check, first, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with open_store(path, 1.0) as store:
    for at in range(first, first + count):
        status = Status.CRITICAL if at % 2 else Status.OK
        before = Status.OK if at % 2 else Status.CRITICAL
        flip = Flip(check, before, status, float(at), "hot")
        store.record(make_verdict(float(at), status, check), make_state(float(at), status, check), flip, 0.5)
        print(at, flush=True)
"""


def writer(path: Path, check: str, first: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), check, str(first), str(count)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_state_and_verdict_come_back_as_they_were(store: SqliteStore):
    state = State(CHECK, Status.CRITICAL, Status.OK, 5.5, 7.25, 67.25, (Status.OK, Status.UNKNOWN, Status.CRITICAL))
    verdict = Verdict(
        CHECK,
        Status.OK,
        (
            Item(
                Status.OK,
                say("显卡 {gpu}: {value}", gpu="0", value=1.0),
                Sample("t", 1.0, "c", {"gpu": "0"}),
                "80",
                "85",
                True,
            ),
        ),
        7.25,
        (Sample("t", 1.0),),
        (say("a note about {what}: {detail}", what=Text("heat", "温度"), detail=say("{n} cards", n=2)),),
        (Evidence("/var/log/x", "line", 3),),
    )
    store.record(verdict, state, None, 0.75)
    assert store.state(CHECK) == state
    assert store.states() == {CHECK: state}
    assert store.latest() == [Latest(state, msgspec.structs.replace(verdict, samples=()), 0.75)]
    assert store.state("never-ran") is None


def test_a_second_run_replaces_the_state_and_keeps_both_runs(store: SqliteStore):
    run(store, 10.0, Status.OK, None)
    run(store, 20.0, Status.CRITICAL, Status.OK)
    assert store.states()[CHECK].hard is Status.CRITICAL
    assert store.runs(0, 100) == [Runs(CHECK, {Status.OK: 1, Status.CRITICAL: 1}, 10.0, 20.0, 0.25)]
    assert store.first_runs() == {CHECK: 10.0}


def test_spans_are_half_open(store: SqliteStore):
    for at in (10.0, 20.0, 30.0):
        run(store, at, Status.OK, Status.OK)
    assert [at for at, _ in store.samples(CHECK, "temperature_c", 10.0, 30.0, {"gpu": "0"})] == [10.0, 20.0]
    assert store.runs(10.0, 30.0)[0].last == 20.0
    assert store.runs(40.0, 50.0) == []


def test_samples_are_found_by_their_labels_or_all_together(store: SqliteStore):
    run(store, 10.0, Status.OK, None)
    assert store.samples(CHECK, "temperature_c", 0, 99, {"gpu": "1"}) == [(10.0, 41.0)]
    assert store.samples(CHECK, "temperature_c", 0, 99) == [(10.0, 40.0), (10.0, 41.0), (10.0, 42.0)]
    assert store.samples(CHECK, "temperature_c", 0, 99, {}) == []
    assert store.samples(CHECK, "fan_percent", 0, 99) == []


def test_the_order_of_labels_does_not_matter(store: SqliteStore):
    for at, labels in ((1.0, {"a": "1", "b": "2"}), (2.0, {"b": "2", "a": "1"})):
        sample = Sample("m", at, "", labels, at)
        store.record(msgspec.structs.replace(make_verdict(at), samples=(sample,)), make_state(at), None, 0.0)
    assert store.samples(CHECK, "m", 0, 9, {"b": "2", "a": "1"}) == [(1.0, 1.0), (2.0, 2.0)]


def test_what_could_not_be_told_leaves_no_number(store: SqliteStore):
    measured = (
        Sample("none", None, at=5.0),
        Sample("nan", math.nan, at=5.0),
        Sample("inf", math.inf, at=5.0),
        Sample("undated", 7.0),
    )
    store.record(msgspec.structs.replace(make_verdict(9.0), samples=measured), make_state(9.0), None, 0.0)
    assert store.samples(CHECK, "none", 0, 99) == []
    assert store.samples(CHECK, "nan", 0, 99) == []
    assert store.samples(CHECK, "inf", 0, 99) == [(5.0, math.inf)]
    assert store.samples(CHECK, "undated", 0, 99) == [(9.0, 7.0)]


def test_bytes_that_are_no_text_and_numbers_that_are_none_are_kept(store: SqliteStore):
    broken = b"\xff\x00\xe6".decode("utf-8", "surrogateescape")
    item = Item(Status.CRITICAL, say("saw {text} and {value}", text=broken, value=math.inf))
    sample = Sample("m", 1.0, "", {"path": broken}, 1.0)
    verdict = Verdict(CHECK, Status.CRITICAL, (item,), 1.0, (sample,))
    flip = Flip(CHECK, Status.OK, Status.CRITICAL, 1.0, f"saw {broken}")
    store.record(verdict, make_state(1.0, Status.CRITICAL), flip, 0.0)
    assert store.latest()[0].verdict.items == (item,)
    assert store.samples(CHECK, "m", 0, 9, {"path": broken}) == [(1.0, 1.0)]
    assert store.flips(0, 9)[0].summary == "saw \\udcff\x00\\udce6"


def test_one_change_seen_by_two_processes_is_one_flip(store: SqliteStore):
    run(store, 10.0, Status.CRITICAL, Status.OK)
    run(store, 10.1, Status.CRITICAL, Status.OK)
    assert len(store.flips(0, 99)) == 1
    assert store.runs(0, 99)[0].counts == {Status.CRITICAL: 2}


def test_a_record_that_fails_leaves_nothing_behind(store: SqliteStore):
    state = msgspec.structs.replace(make_state(10.0), valid_until=math.nan)
    with pytest.raises(HistoryError, match="valid_until"):
        store.record(make_verdict(10.0), state, None, 0.0)
    broken = Flip(CHECK, None, Status.OK, math.nan, "x")
    with pytest.raises(HistoryError, match=r"flips\.at"):
        store.record(make_verdict(10.0), make_state(10.0), broken, 0.0)
    assert (store.states(), store.runs(0, 99), store.samples(CHECK, "temperature_c", 0, 99)) == ({}, [], [])
    run(store, 11.0, Status.OK, None)
    assert store.runs(0, 99)[0].counts == {Status.OK: 1}


def test_a_stored_value_that_makes_no_sense_is_reported(store: SqliteStore, path: Path):
    run(store, 10.0, Status.OK, None)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE checks SET hard = 'splendid'")
    db.close()
    with pytest.raises(HistoryError, match="holds a value that cannot be read: 'splendid'"):
        store.states()


def test_heartbeats_are_the_newest(store: SqliteStore):
    store.heartbeat("scheduler", 10.0)
    store.heartbeat("scheduler", 20.0)
    store.heartbeat("mailer", 15.0)
    assert store.heartbeats() == {"mailer": 15.0, "scheduler": 20.0}


def test_a_file_that_stays_locked_is_reported_and_usable_afterwards(store: SqliteStore, path: Path):
    store._db.execute("PRAGMA busy_timeout = 20").fetchall()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(HistoryError, match="is held by another process for too long: try again"):
        run(store, 10.0, Status.OK, None)
    assert store.states() == {}
    other.execute("ROLLBACK")
    other.close()
    run(store, 11.0, Status.OK, None)
    assert store.states()[CHECK].at == 11.0


def test_threads_share_one_store(store: SqliteStore):
    def work(number: int) -> None:
        for at in range(100):
            run(store, float(at), Status.OK, Status.OK, f"check-{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [runs.counts for runs in store.runs(0, 100)] == [{Status.OK: 100}] * 4


def test_four_processes_write_at_once_and_nothing_is_lost(path: Path):
    # Two checks for four writers: they meet on the file and on the rows.
    writers = [writer(path, f"check-{number % 2}", 1 + 200 * (number // 2), 200) for number in range(4)]
    for one in writers:
        _, complaint = one.communicate(timeout=60)
        assert (one.returncode, complaint) == (0, "")
    with open_store(path, 0.0) as store:
        assert [sum(runs.counts.values()) for runs in store.runs(0, 999)] == [400, 400]
        for check in ("check-0", "check-1"):
            assert len(store.samples(check, "temperature_c", 0, 999)) == 1200


def test_a_killed_writer_leaves_whole_records_only(path: Path):
    chance = random.Random(7)
    first, acknowledged = 0, []
    for _ in range(6):
        victim = writer(path, CHECK, first, 1_000_000)
        assert victim.stdout is not None
        acknowledged += [int(victim.stdout.readline()) for _ in range(chance.randrange(1, 400))]
        victim.send_signal(signal.SIGKILL)
        rest, complaint = victim.communicate(timeout=30)
        assert (victim.returncode, complaint) == (-signal.SIGKILL, "")
        acknowledged += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        first = acknowledged[-1] + 2
        _is_whole(path, acknowledged)


def _is_whole(path: Path, acknowledged: list[int]) -> None:
    with open_store(path, 0.0) as store:
        assert store._db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        times = [at / 1000 for (at,) in store._db.execute("SELECT at FROM runs ORDER BY at")]
        assert set(acknowledged) <= set(times)
        assert [at for at, _ in store.samples(CHECK, "temperature_c", 0, 9e9)] == sorted(times * 3)
        flips = store.flips(0, 9e9)
        assert store.states()[CHECK].at == times[-1]
        assert {flip.at for flip in flips} <= set(times)
        assert store.states()[CHECK].hard is flips[-1].after


def test_who_saw_no_change_does_not_take_back_that_of_another_process(store: SqliteStore):
    run(store, 10.0, Status.CRITICAL, Status.OK)
    run(store, 20.0, Status.OK, Status.CRITICAL)  # the daemon
    run(store, 20.1, Status.CRITICAL, Status.CRITICAL)  # a plugin that had read the state before
    state = store.state(CHECK)
    assert state is not None
    assert (state.hard, state.since, state.seen, state.at) == (Status.OK, 20.0, Status.CRITICAL, 20.1)
    assert [flip.after for flip in store.flips(0, 99)] == [Status.CRITICAL, Status.OK]
    run(store, 30.0, Status.CRITICAL, Status.OK)
    assert [flip.after for flip in store.flips(0, 99)] == [Status.CRITICAL, Status.OK, Status.CRITICAL]
