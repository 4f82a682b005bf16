"""The memory of a host: looked at, moved to another file, kept small, and what happens when it cannot be used."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import ROOT


@pytest.fixture
def moved(tmp_path: Path, config: Path) -> Path:
    """The same configuration with a history elsewhere."""
    settings = json.loads(config.read_text())
    settings["history"]["path"] = str(tmp_path / "elsewhere" / "history.db")
    path = tmp_path / "moved.yaml"
    path.write_text(json.dumps(settings))
    return path


def test_what_is_kept_is_shown_by_kind_with_its_time(opskit, tmp_path):
    opskit("check", "host-resources")
    done = opskit("history", "show")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"History {tmp_path}/state/history.db, 0.")
    assert lines[2].split() == ["KEPT", "ROWS", "FIRST", "LAST"]
    counts = {kind["kind"]: kind["count"] for kind in json.loads(opskit("history", "show", "--json").stdout)["kept"]}
    assert (counts["checks"], counts["runs"], counts["flips"]) == (1, 1, 0)
    assert counts["samples"] > 3


def test_one_check_is_shown_with_its_changes_runs_and_series(opskit):
    opskit("check", "clawdbot-health")
    opskit("check", "clawdbot-health")
    done = opskit("history", "show", "clawdbot-health")
    assert "2 runs: 2 CRITICAL" in done.stdout
    assert "-> CRITICAL  " in done.stdout
    assert "SERIES" in done.stdout
    answer = json.loads(opskit("history", "show", "clawdbot-health", "--json").stdout)
    assert answer["runs"] == {"critical": 2}
    assert [flip["after"] for flip in answer["flips"]] == ["critical"]
    strange = opskit("history", "show", "nothing")
    assert (strange.returncode, strange.stderr) == (
        3,
        "opskit: of 'nothing' nothing is kept; known are clawdbot-health (see 'opskit history show --help')\n",
    )


def test_an_export_comes_in_elsewhere_and_only_once(opskit, moved, tmp_path):
    opskit("check")
    lines = opskit("history", "export").stdout.splitlines()
    assert json.loads(lines[0])["schema"] == "opskit.history-export/v1"
    assert {json.loads(line)["kind"] for line in lines[1:]} >= {"state", "run", "sample", "flip"}
    path = tmp_path / "export.jsonl"
    done = opskit("history", "export", "-o", str(path))
    assert done.stderr == f"opskit: {len(lines) - 1} rows are in {path}\n"
    assert opskit("history", "import", str(path), given=moved).stdout == (
        f"{len(lines) - 1} rows of {len(lines) - 1} were new\n"
    )
    assert opskit("history", "import", str(path), given=moved).stdout == f"0 rows of {len(lines) - 1} were new\n"
    assert opskit("status", given=moved).stdout == opskit("status").stdout
    assert opskit("history", "export", "-o", str(path)).returncode == 3


def test_numbers_of_a_check_that_nothing_is_known_of_are_not_left_out_silently(opskit, moved, tmp_path):
    opskit("check")
    lines = opskit("history", "export").stdout.splitlines()
    path = tmp_path / "export.jsonl"
    path.write_text("\n".join(line for line in lines if '"kind":"state"' not in line) + "\n")
    done = opskit("history", "import", str(path), given=moved)
    assert done.stderr.startswith("opskit: left out: numbers of certificate, clawdbot-health, ")
    assert done.stderr.endswith(", of which no state is in the file or here; run them once, then again\n")
    assert opskit("history", "import", str(path)).stderr == "", "where they are known"


def test_a_broken_export_is_named_by_line_and_nothing_comes_in(opskit, moved, tmp_path):
    opskit("check", "host-resources")
    lines = opskit("history", "export").stdout.splitlines(keepends=True)
    path = tmp_path / "export.jsonl"
    for broken, said in (
        ([lines[0], lines[1], '{"kind": "run"}\n'], f"opskit: {path}:3: this row cannot be read: "),
        ([lines[0], lines[1], lines[2][:30]], f"opskit: {path}:3: this row cannot be read: "),
        (["x\n", *lines[1:]], f"opskit: {path} is no export of opskit's history: "),
        ([], f"opskit: {path} is no export of opskit's history: "),
    ):
        path.write_text("".join(broken))
        done = opskit("history", "import", str(path), given=moved)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith(said)
    assert json.loads(opskit("history", "show", "--json", given=moved).stdout)["kept"][0]["count"] == 0


def test_an_export_into_a_pipe_that_is_closed_ends(opskit, config):
    for _ in range(5):
        opskit("check")
    command = f"{sys.executable} -m opskit --config {config} history export | head -c 100"
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, timeout=30)
    assert (len(done.stdout), done.stderr) == (100, b"")


def test_pruning_says_what_went(opskit):
    opskit("check", "host-resources")
    done = opskit("history", "prune")
    assert done.stdout.startswith("rows that were rolled up or forgotten: 0; left: ")


def test_with_a_damaged_history_checks_go_on_and_their_results_wait(opskit, config):
    path = Path(json.loads(config.read_text())["history"]["path"])
    good = opskit("check", "host-resources")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    done = opskit("check", "host-resources")
    assert done.returncode == good.returncode
    assert done.stdout.split(" - ")[0] == good.stdout.split(" - ")[0]
    assert done.stderr.startswith("opskit: the history is not written: ")
    assert done.stderr.endswith(f"what was measured waits in {path}.spool\n")
    for part in path.parent.glob("history.db*"):
        if part.suffix != ".spool":
            part.unlink()
    done = opskit("check", "host-resources")
    assert done.stderr == "opskit: runs that had waited and are in the history now: 1\n"
    answer = json.loads(opskit("history", "show", "host-resources", "--json").stdout)
    assert sum(answer["runs"].values()) == 2
