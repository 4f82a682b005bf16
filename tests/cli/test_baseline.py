"""`opskit baseline` as a command."""

import json
import time
from datetime import UTC, datetime

import pytest

from opskit.history.sqlite import open_store
from opskit.model.sample import Sample
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from tests.judge.series import between, latencies

START = 1792281600.0


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "latency.csv"
    rows = [
        f"{datetime.fromtimestamp(START + at, UTC).isoformat()},{value:.3f}\n"
        for at, value in latencies(10, 0.1, 0.2, 3, between(8.4, 8.5, 2.0))
    ]
    path.write_text("timestamp,value\n" + "".join(rows))
    return path


def test_events_are_told_with_their_times_and_reasons(opskit, table):
    done = opskit("baseline", "simulate", "--json", str(table))
    told = json.loads(done.stdout)
    assert [event["event"] for event in told["events"]] == ["INFO", "INFO", "RAISE", "CLEAR"]
    assert datetime.fromisoformat(told["events"][2]["at"]).timestamp() - START < 8.5 * 86400
    assert "(the baseline of " in told["events"][2]["reason"]
    assert (told["values"], told["interval_s"], done.returncode) == (960, 900, 0)


def test_the_text_says_how_many_values_decide(opskit, table):
    done = opskit("baseline", "simulate", "--interval", "5m", str(table))
    assert "  RAISE  8 of the last 12 values" in done.stdout
    assert done.stdout.endswith("960 values, one every 5 minutes, 8 of 12 decide; 1 raised, 0 drifts\n")


def test_what_cannot_be_read_is_told_and_is_not_well(opskit, table, tmp_path):
    with table.open("a") as more:
        more.write("never,4\n2026-11-22T00:00:00Z,\n")
    done = opskit("baseline", "simulate", str(table))
    assert f"{table}:962: expected a time and a number, not 'never,4'" in done.stdout
    assert "1 rows without a value, 0 with the time of another, 1 that cannot be read" in done.stdout
    assert done.returncode == 3
    empty = tmp_path / "empty.csv"
    empty.touch()
    for command in ((str(tmp_path / "none.csv"),), (str(empty),), (str(table), "--interval", "15")):
        assert opskit("baseline", "simulate", *command).returncode == 3


@pytest.fixture
def remembered(tmp_path):
    """Fill the history with ten days of totals that doubled a while ago."""
    start = time.time() - 10 * 86400
    with open_store(tmp_path / "state" / "history.db", start) as store:
        for at, value in latencies(10, 0.05, 0.05, 3, between(9.95, 99, 2.0)):
            sample = Sample("total_s", value, "s", {}, start + at, basis="model x")
            state = State("latency", Status.OK, Status.OK, start + at, start + at, start + at + 2700)
            store.record(Verdict("latency", Status.OK, (), start + at, (sample,)), state, None, 0.1)


def test_a_series_is_shown_accepted_and_usual_again(opskit, remembered):
    assert "latency total_s: slower than usual\n" in opskit("baseline", "show").stdout
    (shown,) = json.loads(opskit("baseline", "show", "latency", "--json").stdout)["series"]
    assert (shown["phase"], shown["stale"], shown["values"], shown["basis"]) == ("slower", False, 960, "model x")
    (done,) = json.loads(opskit("baseline", "accept", "latency", "total_s", "--json").stdout)["accepted"]
    assert 1.9 < done["factor"] < 2.1
    assert "latency total_s: as usual\n" in (told := opskit("baseline", "show").stdout)
    assert "    accepted: what is older than " in told
    assert "nothing to accept" in opskit("baseline", "accept", "latency").stdout


def test_what_has_no_past_is_told_so(opskit):
    assert opskit("baseline", "show").stdout.startswith("no series is compared with its past")
    assert opskit("baseline", "show", "nonsense").returncode == 3
    done = opskit("baseline", "accept", "latency", "answered")
    assert (done.returncode, "compares added_s, first_token_s, token_s, total_s with its past" in done.stderr) == (
        3,
        True,
    )
