"""Where the history cannot be used, runs of checks wait beside it, and are brought in as if nothing had happened."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from opskit.app.context import Context
from opskit.app.memory import Memory, history_path, open_memory, spool_of, tidy
from opskit.history.spool import Spooled
from opskit.history.store import HistoryError
from opskit.model.reader import Reader
from opskit.model.settings import Settings
from opskit.model.status import Status
from tests.history.builders import make_verdict, run

CHECK = "gpu-temperature"  # it ships with `for: 4 of 6`
OK, CRITICAL = Status.OK, Status.CRITICAL
EVER = (0, 9e12)


@pytest.fixture
def context(tmp_path: Path) -> Context:
    history = {"path": str(tmp_path / "state" / "history.db"), "spare": str(tmp_path)}
    return Context(msgspec.convert({"history": history}, Settings), Reader(UTC))


@pytest.fixture
def memory(context: Context) -> Iterator[Memory]:
    with closing(Memory(context)) as opened:
        yield opened


def test_a_damaged_history_is_left_alone_and_what_is_measured_waits(context: Context):
    path = history_path(context)
    path.parent.mkdir()
    path.write_bytes(b"no database at all, but of more than a hundred bytes" * 9)
    with closing(Memory(context)) as memory:
        with pytest.raises(HistoryError) as caught:
            _ = memory.store
        assert "the history is not written" in str(memory.instead(make_verdict(1.0), 0.1, caught.value))
    # A file that is somebody else's stays so: nothing of ours will ever get into it.
    assert spool_of(context).is_empty
    path.unlink()
    with closing(open_memory(context)) as store:
        for at in range(300):
            run(store, float(at), OK, OK)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with closing(Memory(context)) as memory:
        said = _kept(memory, 301.0)
    assert "is damaged" in said
    assert said.endswith(f"what was measured waits in {path}.spool")
    shutil.move(path, path.with_name("broken.db"))
    for part in path.parent.glob("history.db-*"):
        part.unlink()
    with closing(Memory(context)) as memory:
        assert str(memory.news) == "runs that had waited and are in the history now: 1"
        assert memory.store.runs(*EVER)[0].first == 301.0
    assert spool_of(context).is_empty


def _kept(memory: Memory, at: float, status: Status = OK) -> str:
    """Try to record a run as a check does, and return what is said where it fails."""
    verdict = make_verdict(at, status)
    try:
        memory.store.latest()
    except HistoryError as error:
        return str(memory.instead(verdict, 0.1, error))
    raise AssertionError


def test_runs_that_waited_confirm_a_problem_as_they_would_have_then(context: Context, memory: Memory):
    run(memory.store, 10.0, OK, None)
    spool = spool_of(context)
    for at in (20.0, 30.0, 40.0, 50.0):
        spool.add(Spooled(make_verdict(at, CRITICAL), 0.5))
    with closing(Memory(context)) as later:
        assert str(later.news) == "runs that had waited and are in the history now: 4"
        state = later.store.state(CHECK)
        assert state is not None
        assert (state.hard, state.since, state.at) == (CRITICAL, 50.0, 50.0)
        assert [(flip.after, flip.at) for flip in later.store.flips(*EVER)][1:] == [(CRITICAL, 50.0)]
        assert later.store.runs(*EVER)[0].counts == {OK: 1, CRITICAL: 4}


def test_what_is_older_than_the_state_adds_numbers_only(context: Context, memory: Memory):
    run(memory.store, 100.0, OK, None)
    spool_of(context).add(Spooled(make_verdict(50.0, CRITICAL), 0.5))
    with closing(Memory(context)) as later:
        state = later.store.state(CHECK)
        assert state is not None
        assert (state.hard, state.at) == (OK, 100.0)
        assert later.store.runs(*EVER)[0].counts == {OK: 1, CRITICAL: 1}
        assert [flip.after for flip in later.store.flips(*EVER)] == [OK]


def test_a_check_that_is_gone_is_passed_over(context: Context, memory: Memory):
    del memory
    spool_of(context).add(Spooled(make_verdict(50.0, CRITICAL, "removed"), 0.5))
    with closing(Memory(context)) as later:
        assert later.store.states() == {}
    assert spool_of(context).is_empty


def test_a_history_that_fails_while_runs_are_brought_in_leaves_them_waiting(context: Context, memory: Memory):
    run(memory.store, 10.0, OK, None)
    spool_of(context).add(Spooled(make_verdict(20.0), 0.5))
    with sqlite3.connect(history_path(context)) as db:
        db.execute("CREATE TRIGGER refuses BEFORE INSERT ON runs BEGIN SELECT raise(ABORT, 'no'); END")
    with closing(Memory(context)) as later:
        assert "cannot be used: no" in str(later.news)
        assert later.store.states()[CHECK].at == 10.0
    assert spool_of(context).waiting() == 1


def test_housekeeping_is_done_once_a_day_whatever_the_clock_does(context: Context, memory: Memory):
    store = memory.store
    run(store, 10.0, OK, None)
    assert tidy(context, store) > 4
    assert store.samples(CHECK, "temperature_c", 0, 9e9) == []
    run(store, 11.0, OK, OK)
    assert tidy(context, store) == 0
    store.heartbeat("tidy", 9e9)  # the clock was set back since
    assert tidy(context, store) > 4
