"""Processes known by pid and birth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from opskit.lab import process
from opskit.lab.process import Running, birth_of, children_of
from tests.lab.part_process import eventually
from tests.lab.running_lab import processes_of

SLEEPER = [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)"]
DEAF = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)",
]
PARENT = [sys.executable, "-c", f"import subprocess, sys; subprocess.run({SLEEPER!r})"]


@pytest.fixture
def start(tmp_path: Path):
    """Starts commands that say `here`, and ends them."""
    started: list[Running] = []

    def begin(command: list[str]) -> Running:
        output = tmp_path / f"{len(started)}.out"
        started.append(process.start(command, output, os.environ))
        eventually(lambda: b"here" in output.read_bytes(), "it does not start")
        return started[-1]

    yield begin
    for running in started:
        running.kill()
    assert processes_of(tmp_path) == {}


def test_what_is_started_leads_a_session_of_its_own_and_is_known_by_its_birth(start):
    running = start(SLEEPER)
    assert running.alive()
    assert os.getsid(running.pid) == os.getpgid(running.pid) == running.pid
    assert birth_of(running.pid) == running.born > 0


def test_a_number_that_belongs_to_somebody_else_by_now_is_left_alone(start):
    bystander = start(SLEEPER)
    recycled = Running(bystander.pid, bystander.born - 1)
    assert not recycled.alive()
    recycled.send(signal.SIGKILL)
    recycled.send(signal.SIGKILL, group=True)
    recycled.end()
    recycled.kill()
    time.sleep(0.1)
    assert bystander.alive()


def test_one_that_has_ended_is_not_alive_and_its_remains_are_not_either(start):
    running = start(SLEEPER)
    os.kill(running.pid, signal.SIGKILL)
    eventually(lambda: not running.alive())
    assert birth_of(running.pid) is None
    running.send(signal.SIGTERM)
    running.end()


def test_a_polite_end_is_quick(start):
    running = start(SLEEPER)
    before = time.monotonic()
    running.end(within_s=60)
    assert not running.alive()
    assert time.monotonic() - before < 30


def test_one_that_does_not_hear_is_killed(start):
    running = start(DEAF)
    running.end(within_s=0.2)
    assert not running.alive()


def test_a_frozen_one_can_be_told_and_ended(start):
    running = start(SLEEPER)
    running.send(signal.SIGSTOP)
    assert eventually(lambda: running.state == "T")
    assert running.alive()
    before = time.monotonic()
    running.end(within_s=60)
    assert not running.alive()
    assert time.monotonic() - before < 30


def test_killing_takes_the_whole_group(start, tmp_path):
    running = start(PARENT)
    (child,) = children_of(running.pid)
    running.kill()
    assert not running.alive()
    eventually(lambda: birth_of(child) is None, "the child goes on")


def test_output_is_appended(start, tmp_path):
    (tmp_path / "0.out").write_text("from before\n")
    start(SLEEPER)
    assert (tmp_path / "0.out").read_text() == "from before\nhere\n"


def test_a_command_that_is_not_there_is_an_oserror(tmp_path):
    with pytest.raises(OSError, match="no-such-command"):
        process.start([str(tmp_path / "no-such-command")], tmp_path / "out", {})


def test_a_name_with_brackets_and_blanks_does_not_confuse_the_birth(tmp_path):
    odd = tmp_path / "a) R 1 (b"
    odd.symlink_to("/bin/sleep")
    child = subprocess.Popen([str(odd), "60"])
    try:
        born = birth_of(child.pid)
        assert born >= birth_of(os.getpid())
        assert Running(child.pid, born).state in {"S", "R", "D"}
    finally:
        child.kill()
        child.wait()


def test_ctrl_c_waits_until_what_was_started_is_noted():
    noted: list[str] = []

    def begin() -> None:
        with process.uninterrupted():
            signal.raise_signal(signal.SIGINT)
            noted.append("it runs")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        begin()
    assert noted == ["it runs"]
    assert signal.getsignal(signal.SIGINT) is before


def test_there_is_no_birth_where_there_is_no_process():
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    assert birth_of(child.pid) is None
    assert children_of(child.pid) == []
