"""The lab's journalctl: a real journal file read by systemd's own tool, and the same answers where it is missing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opskit.lab import journal, kernel
from opskit.model.settings import HostSettings
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.journal import collect_journal
from tests.lab.running_lab import lab_in

NOW = datetime.now(UTC).astimezone().replace(microsecond=0)
SLOG = f'time={(NOW - timedelta(seconds=50)).isoformat(timespec="milliseconds")} level=INFO source=x.go:1 msg="one"'
BARE = "load_tensors: offloaded 65/65 layers to GPU \x1b[31m \u00e9"
GIN = f'[GIN] {NOW - timedelta(seconds=50):%Y/%m/%d - %H:%M:%S} | 200 |  1.2s |  127.0.0.1 | POST     "/api/chat"'
LATER = f'time={(NOW - timedelta(seconds=9)).isoformat(timespec="milliseconds")} level=WARN source=x.go:2 msg="two"'
NOWHERE = "/nowhere"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The logs of a lab, and its journalctl."""
    root = tmp_path / "a lab's folder"
    root.mkdir()
    (root / "ollama.log").write_text(f"{SLOG}\n{BARE}\n{GIN}\n{LATER}\n", "utf-8")
    boot = kernel.boot(NOW - timedelta(days=3))
    (root / "kernel.log").write_text(boot + kernel.short_iso(NOW - timedelta(seconds=20), kernel.oom_kill()), "utf-8")
    journal.write_program(root)
    return root


@pytest.fixture(params=["systemd's tools", "none of them"])
def program(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The program, on a host with systemd's tools and on one without."""
    if request.param == "none of them":
        monkeypatch.setenv("PATH", NOWHERE)
    else:
        assert shutil.which("journalctl"), "tests/packages.sh installs it"
    yield str(folder / "bin" / "journalctl")
    assert (folder / "journal" / "lab.journal").exists() == (os.environ["PATH"] != NOWHERE)


def told(program: str, *match: str, since: float = 0.0) -> list[str]:
    raw = collect_journal("x", match, since, Deadline(10), program)
    assert raw.complete
    entries = [json.loads(line) for line in raw.data.splitlines()]
    assert all(entry["__REALTIME_TIMESTAMP"].isdigit() for entry in entries)
    texts = (entry["MESSAGE"] for entry in entries)  # journald writes a text with controls as bytes
    return [text if isinstance(text, str) else bytes(text).decode() for text in texts]


def test_a_unit_has_its_lines_in_their_order(program: str) -> None:
    assert told(program, "-u", "ollama") == [SLOG, BARE, GIN, LATER]
    assert told(program, "-u", "ollama", since=NOW.timestamp() - 20) == [LATER]
    assert told(program, "-u", "ollama", since=NOW.timestamp() + 20) == []


def test_the_kernel_has_its_own(program: str) -> None:
    messages = told(program, "-k")
    assert messages[0].startswith("Linux version")
    assert messages[3:] == kernel.oom_kill()
    assert told(program, "-k", since=NOW.timestamp() - 30) == kernel.oom_kill()


def test_a_unit_that_never_logged_is_not_calm(program: str) -> None:
    with pytest.raises(ProbeError, match="shows nothing: no such unit"):
        told(program, "-u", "nothing-like-it")


def test_what_is_logged_later_is_there(folder: Path) -> None:
    program = str(folder / "bin" / "journalctl")
    assert len(told(program, "-u", "ollama")) == 4
    with (folder / "ollama.log").open("a", encoding="utf-8") as log:
        log.write(LATER.replace("two", "three") + "\n")
    assert told(program, "-u", "ollama")[-1].endswith('msg="three"')


def test_a_journal_newer_than_its_logs_is_not_believed(folder: Path) -> None:
    program = str(folder / "bin" / "journalctl")
    assert len(told(program, "-u", "ollama")) == 4
    os.utime(folder / "journal" / "lab.journal", (NOW.timestamp() + 60,) * 2)
    with (folder / "ollama.log").open("a", encoding="utf-8") as log:
        log.write(LATER.replace("two", "three") + "\n")
    assert len(told(program, "-u", "ollama")) == 5


def test_logs_that_are_gone_are_told_in_one_line(program: str, folder: Path) -> None:
    assert told(program, "-k")
    (folder / "kernel.log").unlink()
    with pytest.raises(ProbeError, match=r"failed: journalctl of the lab: .*No such file.*kernel\.log"):
        told(program, "-k")


def test_it_may_stand_first_on_path(folder: Path) -> None:
    path = f"{folder}/bin:{os.environ['PATH']}"
    command = ["journalctl", "-u", "ollama", "-n", "1", "-o", "cat", "--no-pager"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env={**os.environ, "PATH": path})
    assert (done.returncode, done.stdout) == (0, LATER + "\n")


def test_a_lab_with_a_journal_is_looked_after_through_it(tmp_path: Path) -> None:
    with lab_in(tmp_path, journal=True) as stack:
        host = HostSettings(**json.loads(stack.plan.config_file.read_bytes())["stack"]["host"])
        assert host.kernel_log == "journal"
        assert told(host.journalctl, "-k")[0].startswith("Linux version")
        assert any("Listening on" in line for line in told(host.journalctl, "-u", "ollama"))


def test_a_log_without_stamps_came_when_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "ollama.log").write_text("no time\n", "utf-8")
    (tmp_path / "kernel.log").write_text("", "utf-8")
    os.utime(tmp_path / "ollama.log", (1_790_000_000, 1_790_000_000))
    (entry,) = journal.entries(tmp_path)
    assert (entry["MESSAGE"], entry["__REALTIME_TIMESTAMP"]) == ("no time", "1790000000000000")
