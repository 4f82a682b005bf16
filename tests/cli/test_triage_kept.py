"""What is kept of a diagnosis: `opskit triage --last`, the line in `opskit status`, and what must spoil no triage."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from opskit.history.records import KeptTriage
from opskit.history.sqlite import open_store
from tests.cli.switch import LOOK
from tests.report.schema import wrong

ROOT = Path(__file__).parents[2]
BUNDLE = ("--from", "sample_logs/gateway-killed")


@pytest.fixture
def path(config: Path) -> Path:
    """Where the history lies."""
    return Path(json.loads(config.read_text())["history"]["path"])


def test_the_last_diagnosis_is_told_again_without_measuring(opskit, tmp_path):
    live = opskit("triage", "--json")
    told = json.loads(live.stdout)
    again = opskit("triage", "--last", "--json", "--md", str(tmp_path / "t.md"))
    kept = json.loads(again.stdout)
    assert wrong(told) == wrong(kept) == []
    assert kept.pop("age_s") >= 0
    assert kept == told
    assert again.returncode == live.returncode == kept["exit_code"]
    assert (tmp_path / "t.md").read_text().startswith("# ")
    text = opskit("triage", "chat-stuck", "--last", "--lang", "zh")
    assert text.returncode == live.returncode
    assert told["cause"]["code"] in text.stdout
    status = json.loads(opskit("status", "--json").stdout)["last_triage"]
    assert (status["verdict"], status["code"]) == (told["verdict"], told["cause"]["code"])
    assert f"FAULT {told['cause']['code']}, " in opskit("status").stdout


def test_where_none_is_kept_that_is_said(opskit):
    assert opskit("triage", *BUNDLE).returncode == 2
    done = opskit("triage", "--last")
    assert (done.returncode, done.stdout) == (3, "UNKNOWN - no diagnosis is kept yet: run opskit triage\n")
    assert "triage" not in opskit("status").stdout
    assert json.loads(opskit("status", "--json").stdout)["last_triage"] is None


def kept_at(path: Path, at: float, told: str = "{}") -> None:
    with closing(open_store(path, at)) as store:
        store.keep_triage(KeptTriage(at, "chat-stuck", "unknown", None, None, (), 1.0, 3, told))


@pytest.mark.parametrize(("age", "shown"), [(7300, True), (90_000, False), (-7200, False)])
def test_status_shows_what_is_younger_than_a_day(opskit, path, age, shown):
    kept_at(path, time.time() - age)
    assert (", 2 hours ago: UNKNOWN (opskit triage --last)" in opskit("status").stdout) is shown


def test_a_row_that_makes_no_sense_is_one_line(opskit, path):
    kept_at(path, time.time(), told='{"diagnosis": 7}')
    done = opskit("triage", "--last")
    assert done.returncode == 3
    assert done.stdout.startswith("UNKNOWN - the diagnosis that was kept last cannot be read: ")
    assert done.stdout.count("\n") == 1


def test_a_history_that_cannot_be_used_spoils_nothing_and_is_said_once(opskit, site, path):
    path.parent.write_text("a file where the folder should be")
    done = opskit(*site.words("--yes", "--json", remedy=[LOOK]))
    assert json.loads(done.stdout)["exit_code"] == done.returncode == 2
    assert done.stderr.startswith("opskit: this diagnosis is not kept in the history: ")
    assert done.stderr.count("not kept") == 1


def test_a_transcript_that_cannot_be_written_is_said_before_anything_is_measured(opskit):
    done = opskit("triage", "--md", "/no/such/folder/x.md")
    assert (done.returncode, done.stderr) == (3, "")
    assert done.stdout == "UNKNOWN - /no/such/folder/x.md cannot be written: No such file or directory\n"
    assert "no diagnosis is kept yet" in opskit("triage", "--last").stdout


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "| true", ">/dev/full"])
def test_whatever_the_streams_are_there_is_no_traceback_and_the_record_is_made(site, closed):
    words = shlex.join(
        ["-m", "opskit", "--config", str(site.config), *site.words("--md", str(site.ticket), remedy=[LOOK])]
    )
    script = f"set -o pipefail; {sys.executable} {words} {closed}"
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert "Traceback" not in done.stderr
    assert done.returncode == (3 if "full" in closed else 2)
    assert site.ticket.read_text().startswith("# FAULT")
