"""The guard: ends what a killed test run leaves behind.

One guard per test process. It reads `+PGID` and `-PGID` lines from a pipe whose other end only that process holds; when
the pipe closes, however the process ended, the guard kills the process groups that are still listed. A parent-death
signal would not do: it follows a thread, nginx's workers do not inherit it, and a frozen nginx master would keep it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

_lock = threading.Lock()
_started: list[subprocess.Popen[bytes]] = []  # kept, so that nobody finds it left behind before its time


@cache
def _pipe_to(owner: int) -> int:
    """Start the guard of process `owner` and give the writing end of its pipe."""
    assert owner == os.getpid()
    reader, writer = os.pipe()
    # A session of its own: what interrupts or kills the test run's process group must not reach the guard.
    command = [sys.executable, "-I", "-S", str(Path(__file__))]
    _started.append(subprocess.Popen(command, stdin=reader, stdout=subprocess.DEVNULL, start_new_session=True))
    os.close(reader)
    return writer


def _tell(sign: str, group: int) -> None:
    with _lock:
        os.write(_pipe_to(os.getpid()), f"{sign}{group}\n".encode())


def watch(group: int) -> None:
    """From now on, kill this process group when the present process is gone."""
    _tell("+", group)


def forget(group: int) -> None:
    """The group has ended in good order; its number may belong to somebody else soon."""
    _tell("-", group)


def _main() -> None:
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _main()
