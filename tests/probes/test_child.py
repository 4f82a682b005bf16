"""Programs that probes start: their output is bounded, and so is their life."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from opskit.model.message import say
from opskit.probes.base import Deadline, LateError
from opskit.probes.child import Output, run

CAP = 1 << 20


def shell(script: str, seconds: float = 5.0, cap: int = CAP) -> Output:
    return run(("/bin/sh", "-c", script), Deadline(seconds), say("run"), cap)


def alive(pid: int) -> bool:
    """Whether a process runs; a dead one that nobody reaps any more does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def soon_dead(pid: int) -> bool:
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not alive(pid)


def no_children_are_left() -> bool:
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
    except ChildProcessError:
        return True


def test_output_and_exit_code_come_back() -> None:
    found = shell("echo out; echo err >&2; exit 3")
    assert found == Output(b"out\n", b"err\n", 3, finished=True)
    assert no_children_are_left()


def test_texts_are_in_english_whatever_the_host_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert shell("echo $LC_ALL").stdout == b"C.UTF-8\n"


def test_a_program_that_hangs_is_ended_and_reaped() -> None:
    found = shell("echo $$; exec sleep 60", 0.3)
    assert (found.code, found.finished) == (None, False)
    assert not alive(int(found.stdout))
    assert no_children_are_left()


def test_a_program_that_ignores_the_polite_signal_is_ended_all_the_same() -> None:
    found = shell("trap '' TERM; echo $$; while :; do sleep 0.05; done", 0.3)
    assert not found.finished
    assert soon_dead(int(found.stdout))


def test_a_grandchild_that_keeps_the_pipe_open_dies_with_the_group() -> None:
    found = shell("sleep 60 & echo $!; exit 2")
    assert (found.code, found.finished) == (2, True)
    assert soon_dead(int(found.stdout))
    assert no_children_are_left()


def test_a_grandchild_without_the_pipe_dies_as_well() -> None:
    found = shell("sleep 60 >/dev/null 2>&1 & echo $!; exit 0")
    assert (found.code, found.finished) == (0, True)
    assert soon_dead(int(found.stdout))


def test_output_is_cut_at_the_cap() -> None:
    found = shell("while :; do echo 0123456789012345678901234567890123456789; done", 20, cap=100_000)
    assert (len(found.stdout), found.finished) == (100_000, False)
    noisy = shell("while :; do echo 0123456789012345678901234567890123456789 >&2; done", 20, cap=100_000)
    assert (len(noisy.stderr), noisy.finished) == (100_000, False)


def test_a_program_gets_no_input_to_wait_for() -> None:
    assert shell("cat").finished


def test_one_that_died_of_a_signal_is_not_a_success() -> None:
    found = shell("kill -9 $$")
    assert (found.code, found.finished) == (-signal.SIGKILL, True)


def test_without_time_nothing_is_started(tmp_path: Path) -> None:
    with pytest.raises(LateError):
        shell(f"touch {tmp_path}/started", 0.0)
    assert not (tmp_path / "started").exists()


def test_what_cannot_be_started_raises_like_subprocess(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    for name, error in (("missing", FileNotFoundError), ("text", PermissionError), ("", PermissionError)):
        with pytest.raises(error):
            run((f"{tmp_path}/{name}",), Deadline(5), say("run"), CAP)
