"""The journal, asked through programs on PATH that behave as journalctl does, and as it sometimes does."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from opskit.lab import kernel as kernel_texts
from opskit.lab.part import local_now
from opskit.model.raw import Raw
from opskit.probes import journal
from opskit.probes.base import Deadline, LateError, ProbeError
from opskit.probes.journal import collect_journal
from tests.probes.asking import ask


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program that a test writes; it sees the tools of the system."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder / "journalctl"


def write(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o700)


def collected(seconds: float = 5.0) -> Raw:
    return collect_journal("ollama.log", ("-u", "ollama"), 1000.0, Deadline(seconds))


def test_entries_come_oldest_first_and_complete(journalctl: Path) -> None:
    write(journalctl, f'echo "$@" > {journalctl}.argv; printf \'{{"n":3}}\\n{{"n":2}}\\n{{"n":1}}\\n\'')
    raw = collected()
    assert raw == Raw("ollama.log", b'{"n":1}\n{"n":2}\n{"n":3}\n', "journalctl -u ollama")
    argv = Path(f"{journalctl}.argv").read_text().split()
    assert argv[:2] == ["-u", "ollama"]
    assert {"--since", "@1000", "--reverse", "--no-pager"} <= set(argv)


def test_a_journal_that_is_too_large_loses_its_oldest_part(journalctl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_CAP_BYTES", 50_000)
    lines = "".join(f'{{"n":{number},"text":"{"." * 40}"}}\n' for number in range(9999, 1000, -1))
    journalctl.with_name("lines").write_text(lines)
    write(journalctl, f"cat {journalctl.with_name('lines')}; sleep 60")
    raw = collected()
    numbers = [json.loads(line)["n"] for line in raw.data.splitlines()]
    assert not raw.complete
    assert numbers[-1] == 9999
    assert numbers == sorted(numbers)


def test_silence_is_believed_only_of_a_source_that_has_spoken(journalctl: Path) -> None:
    write(journalctl, 'case "$*" in *"-n 1"*) echo "{}";; esac')
    assert collected().data == b""
    write(journalctl, "true")
    with pytest.raises(ProbeError, match="no such unit, no journal, or this user may not read it"):
        collected()


def test_a_failure_is_shown_in_its_own_words(journalctl: Path) -> None:
    write(journalctl, "echo 'Failed to open journal: Bad message' >&2; echo more >&2; exit 1")
    with pytest.raises(ProbeError, match=r"journalctl -u ollama failed: Failed to open journal: Bad message$"):
        collected()
    write(journalctl, "exit 4")
    with pytest.raises(ProbeError, match="failed: exit code 4"):
        collected()


def test_a_journal_that_hangs_is_ended_with_all_it_started(journalctl: Path) -> None:
    write(journalctl, f"sleep 60 & echo $! > {journalctl}.pid; wait")
    with pytest.raises(LateError, match="stuck at: run journalctl -u ollama"):
        collected(0.3)
    pid = int(Path(f"{journalctl}.pid").read_text())
    end = time.monotonic() + 5
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and " Z " not in stat.read_text()


def test_what_a_hanging_journal_has_said_is_kept_as_a_part(journalctl: Path) -> None:
    write(journalctl, 'printf \'{"n":2}\\n{"n":1}\\n{"n":0,"half\'; sleep 60')
    raw = collected(0.3)
    assert (raw.data, raw.complete) == (b'{"n":1}\n{"n":2}\n', False)


def test_a_host_without_a_journal_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProbeError, match="not installed: name a log file"):
        collected()


def test_a_program_that_cannot_run_is_an_error_of_the_probe(journalctl: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(journalctl.parent))
    journalctl.write_text("no program at all")
    journalctl.chmod(0o700)
    with pytest.raises(ProbeError, match="Exec format error"):
        collected()
    journalctl.chmod(0o600)
    with pytest.raises(ProbeError, match="may not be run by this user"):
        collected()


def test_both_probes_read_it(journalctl: Path, tmp_path: Path) -> None:
    entries = kernel_texts.as_json(local_now(), kernel_texts.oom_kill()).splitlines()
    (tmp_path / "entries").write_text("\n".join(reversed(entries)) + "\n")
    write(journalctl, f"cat {tmp_path}/entries")
    reading = ask("kernel_log", source="journal")
    assert reading.facts["oom_kill"] is True
    assert reading.evidence["oom_kill"][0].source == "journalctl -k"
    assert ask("ollama_log", source="unit:ollama").facts["last_ok_age_s"] is None
