"""A test run that is killed leaves no process, whatever state its lab was in."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.lab.guard import ROOT, serve
from tests.lab.part_process import eventually
from tests.lab.running_lab import end_all, processes_of

DOOMED = """
import os, signal, sys
from pathlib import Path
from opskit.lab.users import ask
from tests.lab.running_lab import lab_in, processes_of
folder = Path(sys.stdin.readline())
with lab_in(folder) as stack:
    assert ask(stack.plan, 1).outcome == "fine"
    stack.freeze("nginx")
    print(len(processes_of(folder)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_a_killed_test_run_leaves_no_process(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DOOMED]
    try:
        done = subprocess.run(command, input=str(tmp_path), cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert int(done.stdout) >= 6, "four parts, Nginx's worker and Ollama's runner"
        eventually(lambda: not processes_of(tmp_path), "they go on")
    finally:
        end_all(tmp_path)


def test_only_folders_that_are_still_watched_are_cleared(tmp_path: Path) -> None:
    folders = [tmp_path / "ended-well", tmp_path / "left-behind"]
    for folder in folders:
        folder.mkdir()
    sleepers = [subprocess.Popen([*SLEEPER, str(folder / "file")]) for folder in folders]
    try:
        serve([f"+{folders[0]}\n", f"+{folders[1]}\n", f"-{folders[0]}\n"])
        assert sleepers[1].wait(10) == -signal.SIGKILL
        assert sleepers[0].poll() is None
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def test_a_folder_whose_name_begins_alike_is_another_one(tmp_path: Path) -> None:
    sleeper = subprocess.Popen([*SLEEPER, str(tmp_path / "lab10" / "file"), str(tmp_path / "lab2")])
    try:
        assert sleeper.pid in eventually(lambda: processes_of(tmp_path / "lab10"))
        assert sleeper.pid in eventually(lambda: processes_of(tmp_path / "lab2")), "named at the end of a word"
        assert sleeper.pid not in processes_of(tmp_path / "lab1")
    finally:
        sleeper.kill()
        sleeper.wait()
