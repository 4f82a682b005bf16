"""Labs of the tests: with a home of their own, and ended by pid whatever happens."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from opskit.lab.acts import release
from opskit.lab.plan import PARTS
from opskit.lab.stack import Stack, fresh
from tests.lab.guard import watched

ROOT = Path(__file__).parents[2]
_PRIVATE = {"OPSKIT_CONFIG", "LC_ALL", "LC_MESSAGES", "LANG"}


def processes_of(folder: Path) -> dict[int, str]:
    """The processes that name a file of a folder on their command line, or have one open, by pid."""
    found: dict[int, str] = {}
    inside = re.compile(re.escape(str(folder)) + r"(?![\w.-])")  # lab1 is not lab10
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                opened = [str(link.readlink()) for link in (entry / "fd").iterdir()]
                if inside.search(words) or any(inside.match(name) for name in opened):
                    found[int(entry.name)] = words
    return found


def end_all(folder: Path) -> None:
    """End whatever still runs there."""
    for pid in processes_of(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def lab_in(folder: Path, *, remembered: bool = False, **wanted: Any) -> Iterator[Stack]:
    """A lab that is up; no other command finds it unless it is `remembered`. `wanted` are choices of its Plan."""
    stack = fresh(folder / "stack", remembered=remembered, **wanted)
    with watched(folder):
        try:
            stack.up()
            yield stack
        finally:
            with suppress(Exception):
                stack.down()
            end_all(folder)


def take_out(stack: Stack) -> None:
    """Heal without asking users afterwards, which takes seconds."""
    release(stack)
    stack.restore()


def mend(stack: Stack) -> None:
    """Make the lab what it was in the beginning, for the next test."""
    record = stack.record
    untouched = not (record.plan.changes or record.broken or record.tainted)
    if not untouched or any(record.state_of(part) != "up" for part in PARTS):
        take_out(stack)


class Home:
    """A user with a home of their own, and commands in it."""

    def __init__(self, folder: Path) -> None:
        """Nothing is in it."""
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
        self.environment = {
            **clean,
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "LC_ALL": "C.UTF-8",
        }

    @property
    def stack(self) -> Path:
        """Where a lab is by default."""
        return self.folder / "state" / "opskit" / "lab" / "stack"

    def __call__(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `opskit WORDS`."""
        return subprocess.run(
            [sys.executable, "-m", "opskit", *words],
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=ROOT,
            check=False,
        )

    def begin(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `opskit WORDS` and leave it to the test."""
        command = [sys.executable, "-m", "opskit", *words]
        null = subprocess.DEVNULL
        return subprocess.Popen(command, env=self.environment, stdin=null, stdout=null, stderr=null, cwd=ROOT)

    def told(self, *words: str) -> Any:
        """What `opskit WORDS` says in JSON."""
        return json.loads(self(*words).stdout)

    def pids(self) -> dict[str, int]:
        """The parts' processes, as the lab's own record has them."""
        running = json.loads((self.stack / "lab.json").read_bytes())["running"]
        return {part: process["pid"] for part, process in running.items()}
