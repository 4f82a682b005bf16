"""The lab's parts as processes that outlive the command which started them, known by process id and birth.

A process id alone may long belong to somebody else; with the time of birth from /proc it cannot (proc(5), starttime).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import psutil

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

    def listens(self, port: int) -> bool:
        """Whether it is this process, or a child that shares its socket, that answers at a port."""
        with suppress(psutil.Error):
            sockets = psutil.Process(self.pid).net_connections("tcp")
            return any(item.status == psutil.CONN_LISTEN and item.laddr.port == port for item in sockets)
        return False

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


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process; one that has ended gets none."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def title_of(pid: int) -> bytes:
    """Return its command line as it shows it now, empty where it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def children_of(pid: int) -> list[int]:
    """Return the ids of its direct children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(word) for word in task.read_text("ascii").split()]
    return found


def survivors(sessions: Collection[int], folder: Path) -> list[int]:
    """Return the ids of processes that outlived the leaders of these sessions, or are runners of the lab in `folder`.

    Nginx's workers go on when their master is killed, and a frozen runner does not notice that its Ollama has ended.
    """
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                fields, words = _stat(int(entry.name)), (entry / "cmdline").read_bytes().split(b"\0")
                # The number of a session may be somebody else's by now: what is ours prints into the lab's folder.
                of_us = bool(fields) and int(fields[3]) in sessions and _prints_into(folder, entry)
                runner = b"opskit.lab.runner" in words and any(word.startswith(bytes(folder) + b"/") for word in words)
                if of_us or runner:
                    found.append(int(entry.name))
    return found


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C back to the end of the block: between starting a process and noting it, it would be lost."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


def _prints_into(folder: Path, entry: Path) -> bool:
    return any((entry / "fd" / number).readlink().is_relative_to(folder) for number in ("1", "2"))


def _state_of(pid: int) -> str:
    fields = _stat(pid)
    return fields[0] if fields else ""


def _stat(pid: int) -> list[str]:
    """The fields behind the command's name, which may hold blanks and brackets itself."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return []
