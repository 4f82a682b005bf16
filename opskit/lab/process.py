"""The lab's parts as processes that outlive the command which started them, known by process id and birth.

A process id alone may long belong to somebody else; with the time of birth from /proc it cannot (proc(5), starttime).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

_TICK_S = 0.02


class Running(msgspec.Struct, frozen=True):
    """A process that leads its own session and group. `born` counts clock ticks since the host's boot."""

    pid: int
    born: int

    def alive(self) -> bool:
        """Whether it is still this process, and has not ended."""
        return self.state != ""

    @property
    def state(self) -> str:
        """The letter of its state in proc(5), T where a signal has stopped it; empty where it has ended."""
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)  # reap it where it is a child of ours
        return _state_of(self.pid) if birth_of(self.pid) == self.born else ""

    def send(self, number: signal.Signals, *, group: bool = False) -> None:
        """Send a signal to it, or to all of its group; one that has ended gets none."""
        if self.alive():
            with suppress(ProcessLookupError):
                (os.killpg if group else os.kill)(self.pid, number)

    def end(self, within_s: float = 4.0) -> None:
        """End it and its group, politely first. One that is frozen is woken, or it could not hear."""
        if not self.alive():
            return
        self.send(signal.SIGTERM)
        self.send(signal.SIGCONT, group=True)
        deadline = time.monotonic() + within_s
        while self.alive() and time.monotonic() < deadline:
            time.sleep(_TICK_S)
        self.kill()

    def kill(self) -> None:
        """End all of its group at once, as the kernel would, and see it gone."""
        self.send(signal.SIGKILL, group=True)
        deadline = time.monotonic() + 2
        while self.alive() and time.monotonic() < deadline:
            time.sleep(_TICK_S)


def start(command: Sequence[str], output: Path, environment: Mapping[str, str]) -> Running:
    """Start a command in a session of its own; what it prints is appended to `output`. Raises OSError."""
    with output.open("ab") as printed:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
            env=dict(environment),
            start_new_session=True,
        )
    born = birth_of(child.pid)
    child.returncode = 0  # it is known by pid and birth from now on, and Popen must not complain that it still runs
    return Running(child.pid, born or 0)


def birth_of(pid: int) -> int | None:
    """Return the start time of a process, None where there is none or only its remains."""
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in {"Z", "X"} else None


def children_of(pid: int) -> list[int]:
    """Return the ids of its direct children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in task.read_text("ascii").split()]
    return found


def _state_of(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    """The fields behind the command's name, which may hold blanks and brackets itself."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
