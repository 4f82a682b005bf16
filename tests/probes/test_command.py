"""Commands that a person told us to run: real programs, their ends, and what they leave behind."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from opskit.probes.command import Ended, run_command


def sh(script: str, limit_s: float = 20.0) -> Ended:
    return run_command(["sh", "-c", script], limit_s)


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie that waits for somebody to take note of its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_both_streams_are_kept_in_their_order_with_the_code():
    ended = sh("echo one; echo two >&2; echo three; exit 3")
    assert (ended.how, ended.code, ended.lingers, ended.left_out) == ("ended", 3, False, 0)
    assert ended.head == b"one\ntwo\nthree\n"


def test_words_stay_words():
    assert run_command(["echo", "$(id)", "a b", "*", "; rm"], 20).head == b"$(id) a b * ; rm\n"


def test_there_is_nothing_to_read_and_no_terminal():
    assert run_command(["cat"], 20).code == 0
    assert sh("exec 3</dev/tty || exit 7").code not in {0, None}
    session, own = sh("cut -d' ' -f6 /proc/$$/stat; echo $$").head.split()
    assert session == own


@pytest.mark.parametrize(
    ("argv", "error"),
    [(["no-such-program-here"], FileNotFoundError), (["/etc/passwd"], PermissionError), (["a\0b"], ValueError)],
)
def test_what_cannot_be_started_raises(argv, error):
    with pytest.raises(error):
        run_command(argv, 20)


def test_the_folders_of_the_administrator_are_looked_into():
    assert b"/usr/sbin" in sh("echo $PATH").head


def test_whatever_runs_when_the_time_is_over_is_stopped_with_its_children():
    ended = sh("sleep 60 & echo $!; wait", limit_s=1.0)
    assert (ended.how, ended.code) == ("late", None)
    # The kernel ends what was killed a moment after the signal, on a busy host a longer one.
    until = time.monotonic() + 10
    while is_alive(int(ended.head)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_alive(int(ended.head))


def test_a_signal_is_a_negative_code():
    assert sh("kill -KILL $$").code == -signal.SIGKILL


def test_of_too_much_output_the_middle_is_missing_and_the_program_comes_to_its_end():
    ended = run_command(["seq", "1", "100000"], 20)
    assert (ended.how, ended.code) == ("ended", 0)
    assert ended.head.startswith(b"1\n2\n")
    assert ended.tail.endswith(b"\n100000\n")
    assert len(ended.head) + len(ended.tail) + ended.left_out == sum(len(f"{n}\n") for n in range(1, 100001))


def test_a_service_that_it_started_lives_on_and_can_still_write():
    ended = sh("(while :; do echo still here; read -t 0.1 line </dev/zero; sleep 0.1; done) & echo $!")
    pid = int(next(line for line in ended.head.split(b"\n") if line.isdigit()))  # either may write first
    try:
        assert (ended.how, ended.code, ended.lingers) == ("ended", 0, True)
        assert is_alive(pid)
    finally:
        os.killpg(os.getpgid(pid), signal.SIGKILL)


def test_a_program_that_closes_its_output_is_waited_for():
    ended = sh("exec >&- 2>&-; sleep 0.2; exit 4")
    assert (ended.how, ended.code) == ("ended", 4)


def test_what_it_says_while_it_is_stopped_is_kept():
    ended = sh("trap 'echo put in order; exit' TERM; kill -INT $PPID; while :; do sleep 0.05; done")
    assert (ended.how, ended.head.splitlines()[-1:]) == ("interrupted", [b"put in order"])


def test_ctrl_c_stops_it_and_is_told():
    ended = sh("echo $$; kill -INT $PPID; exec sleep 60")
    assert (ended.how, ended.code) == ("interrupted", None)
    assert not is_alive(int(ended.head))
