"""The guard: ends what a killed test run leaves behind.

The parts of a lab lead sessions of their own, and no `finally` runs in a process that was killed. Each test process
has one guard, which reads `+FOLDER` and `-FOLDER` lines from a pipe whose other end only that process holds. When the
pipe closes, the guard ends whatever still runs in the folders that are left. A parent-death signal would not do: it
follows a thread, Nginx's workers do not inherit it, and a frozen master would keep it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
WITHIN_S = 15.0
LOOKS = 10  # in a row that find nobody
_COMMAND = [sys.executable, "-c", "import sys; from tests.lab.guard import serve; serve(sys.stdin)"]

_lock = threading.Lock()
_started: list[subprocess.Popen[bytes]] = []  # kept, so that nobody finds it left behind before its time


@contextmanager
def watched(folder: Path) -> Iterator[None]:
    """While the block runs, no process that uses the folder outlives this one."""
    _tell("+", folder)
    try:
        yield
    finally:
        _tell("-", folder)


def serve(lines: Iterable[str]) -> None:
    """Be the guard, until the other end of the pipe is closed."""
    from tests.lab.running_lab import end_all, processes_of  # which shall be free to import this file

    folders: set[Path] = set()
    for line in lines:
        (folders.add if line[0] == "+" else folders.discard)(Path(line[1:].rstrip("\n")))
    deadline, quiet = time.monotonic() + WITHIN_S, 0
    # Not once: who is still alive may start another one meanwhile, and one that just starts has no command line yet.
    while folders and quiet < LOOKS and time.monotonic() < deadline:
        quiet = 0 if any(processes_of(folder) for folder in folders) else quiet + 1
        for folder in folders:
            end_all(folder)
        time.sleep(0.05)


@cache
def _pipe_of(owner: int) -> int:
    """Start the guard of process `owner` and give the writing end of its pipe."""
    assert owner == os.getpid()
    reader, writer = os.pipe()
    # A session of its own: what interrupts or kills the test run's process group must not reach the guard.
    null = subprocess.DEVNULL
    guard = subprocess.Popen(_COMMAND, cwd=ROOT, stdin=reader, stdout=null, stderr=null, start_new_session=True)
    _started.append(guard)
    os.close(reader)
    return writer


def _tell(sign: str, folder: Path) -> None:
    with _lock:
        os.write(_pipe_of(os.getpid()), f"{sign}{folder}\n".encode())
