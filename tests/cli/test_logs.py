"""Questions to logs as their users ask them: answers, formats of the output, exit codes, and reading on."""

import csv
import io
import json

import pytest

LINE = '10.0.0.{0} - - [22/Nov/2026:13:{0:02d}:07 +0800] "GET /c/{0}?q HTTP/1.1" {1} 5 "-" "{2}" rid=r{0} rt={3}\n'


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "chat.log"
    path.write_text(LINE.format(1, 429, "=1+1", 0.5) + LINE.format(2, 200, "\\x1b[2J", 61.0) + "noise\n")
    return path


def test_stats_have_the_keys_that_scripts_read(opskit, log):
    told = json.loads(opskit("logs", "stats", "--json", str(log)).stdout)
    assert (told["lines"], told["parsed"], told["unparsed"], told["by_status"]) == (3, 2, 1, {"200": 1, "429": 1})
    assert told["latency"] == {
        "field": "rt", "count": 2, "p50": 0.5, "p95": 61.0, "p99": 61.0, "max": 61.0, "rounded": False,
    }  # fmt: skip
    assert {"per_minute", "window", "files", "coverage"} <= told.keys()


def test_a_table_for_a_spreadsheet_holds_no_formula(opskit, log):
    done = opskit("logs", "top", "--by", "agent", "--csv", str(log))
    assert list(csv.reader(io.StringIO(done.stdout))) == [["status", "count", "agent"], ["429", "1", "'=1+1"]]


def test_the_slowest_and_the_text_of_stats_say_what_was_read(opskit, log):
    slow, stats = opskit("logs", "slow", "-n", "1", str(log)), opskit("logs", "stats", str(log))
    assert slow.stdout.startswith("61.000  2026-11-22 ")
    assert "1 lines fit no known format" in stats.stdout
    assert "format: combined" in stats.stdout
    assert (slow.returncode, stats.returncode) == (0, 0)


def test_a_run_goes_on_where_the_last_one_stopped(opskit, log, tmp_path):
    words = ("logs", "top", "--since-last-run", str(tmp_path / "state"), "--status", "2xx,4xx", "--json", str(log))
    assert [json.loads(opskit(*words).stdout)["matched"] for _ in range(2)] == [2, 0]
    with log.open("a") as more:
        more.write(LINE.format(3, 200, "curl", 1) + LINE.format(4, 200, "curl", 1)[:30])
    log.rename(log.with_name("chat.log.1"))
    log.write_text(LINE.format(5, 200, "curl", 1))
    done = opskit(*words)
    assert (json.loads(done.stdout)["matched"], done.returncode) == (2, 0)
    log.write_text("")
    lost = opskit(*words)
    assert lost.returncode == 3
    assert "emptied or overwritten" in json.loads(lost.stdout)["coverage"]["why"][0]


def test_a_first_run_that_cannot_read_all_there_is_says_so_in_its_exit_code(opskit, log, tmp_path):
    words = ("logs", "top", "--since-last-run", str(tmp_path / "state"), str(log))
    assert opskit(*words).returncode == 0
    (tmp_path / "state").unlink()
    log.with_name("chat.log.1.lz4").write_bytes(b"\x04")
    done = opskit(*words)
    assert (done.returncode, ".lz4 is not understood" in done.stdout) == (3, True)


def test_a_damaged_state_is_unknown_and_stays_as_it_is(opskit, log, tmp_path):
    state = tmp_path / "state"
    state.write_text("x")
    done = opskit("logs", "stats", "--since-last-run", str(state), str(log))
    assert (done.returncode, done.stdout, state.read_text()) == (3, "", "x")
    assert "move it away to begin anew" in done.stderr


def test_find_and_story_end_with_1_where_nobody_knows_the_request(opskit, log):
    assert opskit("logs", "find", "r2", str(log)).returncode == 0
    assert [opskit("logs", command, "nobody", str(log)).returncode for command in ("find", "story")] == [1, 1]
    told = json.loads(opskit("logs", "story", "--json", "r2", str(log)).stdout)
    assert [mention["tie"] for mention in told["mentions"]] == ["id"]
    assert "\x1b" not in opskit("logs", "find", "r2", str(log)).stdout


@pytest.mark.parametrize("command", ["find", "story"])
def test_the_lines_of_a_request_for_a_spreadsheet(opskit, log, command):
    done = opskit("logs", command, "r1", str(log), "--csv")
    header, row = csv.reader(io.StringIO(done.stdout))
    assert header == ["at", "layer", "tie", "path", "line", "text"]
    assert (row[1:5], row[5]) == (["nginx", "id", str(log), "1"], LINE.format(1, 429, "=1+1", 0.5).strip())
    assert opskit("logs", command, "r1", str(log), "--format", "nginx.conf").returncode == 3


@pytest.mark.parametrize(
    "words",
    [
        ("top", "--status", ""),
        ("top", "--status", "\u00b2"),
        ("stats", "--since", ""),
        ("stats", "--since", "1h", "--until", "2h"),
        ("stats", "--since", "today", "--until", "today"),
        ("find", "-"),
        ("find", "a\nb"),
        ("stats", "--format", "iis"),
        ("stats", "--since", "whenever"),
        ("slow", "--over", "-1"),
        ("top", "--by", "nonsense"),
        ("stats", "--since-last-run", "/proc/none/state"),
    ],
)
def test_a_mistake_is_one_line_and_unknown(opskit, log, words):
    done = opskit("logs", *words, str(log))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)


@pytest.mark.parametrize(("field", "said"), [("latency", True), ("latency_ms", False), ("request_time", False)])
def test_a_unit_that_no_name_gives_is_not_taken_in_silence(opskit, tmp_path, field, said):
    path = tmp_path / "gateway.log"
    path.write_text(f'{{"ts":1795323601,"status":200,"{field}":1.5}}\n' * 2)
    stats = opskit("logs", "stats", str(path))
    assert ("durations that name no unit were taken as seconds" in stats.stdout) is said
    told = json.loads(opskit("logs", "slow", "--json", "--format", "gateway-ms", str(path)).stdout)
    assert told["bare_durations"] == "ms"
    assert told["slowest"][0]["duration_s"] == {"latency": 0.0015, "latency_ms": 0.0015, "request_time": 1.5}[field]
