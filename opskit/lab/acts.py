"""What can be done to a lab beyond its configuration: one short sentence each, `VERB [WHAT [NUMBER]]`."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from opskit.lab import kernel
from opskit.lab.record import LabError
from opskit.lab.stack import Stack
from opskit.lab.users import ask, knock
from opskit.model.message import say

_AT_ONCE = 8
_FEW_FILES = "4"


def perform(stack: Stack, sentence: str) -> None:
    """Do what the sentence says. Raises LabError for one that nobody understands."""
    verb, *words = sentence.split()
    try:
        act = ACTS[verb]
    except KeyError:
        raise LabError(
            say("there is no act '{act}', expected one of {known}", act=verb, known=", ".join(ACTS))
        ) from None
    act(stack, *words)


def release(stack: Stack) -> None:
    """Take back what acts leave in the lab's folder and no configuration covers."""
    body = stack.plan.root / "nginx" / "temp" / "body"
    if body.is_file():
        body.unlink()


def _ask(stack: Stack, count: str) -> None:
    """So many users ask at once, a few at a time."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda number: ask(stack.plan, number, patience=4.0), range(int(count))))


def _leave(stack: Stack, count: str) -> None:
    """So many users ask and close the page half a second later."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda number: ask(stack.plan, number, patience=4.0, leave_after=0.5), range(int(count))))


def _knock(stack: Stack, count: str) -> None:
    for number in range(int(count)):
        knock(stack.plan, number % 7)


def _scan(stack: Stack, count: str) -> None:
    paths = ("/.env", "/wp-login.php", "/.git/config", "/phpmyadmin/index.php", "/backup.zip", "/old.png", "/v1/x.js")
    for number in range(int(count)):
        knock(stack.plan, number % 3, paths[number % len(paths)], "GET")


def _occupy(stack: Stack, part: str, count: str) -> None:
    """Connections of clients that never ask: half a handshake for Nginx; a process of its own holds them."""
    words = ["-m", "opskit.lab.idle_clients", str(stack.plan.port_of(part)), count]
    stack.start_beside("idle-clients", words if part == "nginx" else [*words, "silent"])
    time.sleep(0.5)


def _squat(stack: Stack, part: str) -> None:
    """Another program takes the port of a part, and speaks HTTP."""
    stack.stop(part)
    stack.taint(part)
    words = ["-m", "http.server", str(stack.plan.port_of(part)), "--bind", "127.0.0.1"]
    stack.start_beside("squatter", [*words, "--directory", str(stack.plan.root / "nginx" / "html")])
    time.sleep(0.5)


def _swallow(stack: Stack) -> None:
    stack.start_beside("black-hole", ["-m", "opskit.lab.black_hole", str(stack.plan.ports.nowhere)])
    time.sleep(0.5)


def _block(stack: Stack, what: str) -> None:
    """A file where Nginx wants the folder of its temporary files."""
    folder = stack.plan.root / "nginx" / "temp" / "body"
    if what != "nginx-body-temp":
        raise LabError(say("{what} cannot be blocked", what=what))
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    if folder.is_dir():
        folder.rmdir()
    folder.touch()


def _limit(stack: Stack, part: str, more: str = _FEW_FILES) -> None:
    """Leave a running part so few files to open beyond those it has; of Nginx its workers, who do the work."""
    process = psutil.Process(stack.record.running[part].pid)
    for pid in [child.pid for child in process.children()] if part == "nginx" else [process.pid]:
        opened = sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
        _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (opened + int(more), hard))
    stack.taint(part)


def _kernel(stack: Stack, what: str) -> None:
    now = datetime.now(UTC).astimezone()
    texts: dict[str, Callable[[], str]] = {
        "oom-kill": lambda: kernel.short_iso(now, kernel.oom_kill("ollama")),
        "oom-kill-yesterday": lambda: kernel.short_iso(now - timedelta(hours=20), kernel.oom_kill()),
        "xid-79": lambda: kernel.short_iso(now, kernel.xid_79()),
        "xid-62": lambda: kernel.short_iso(now, kernel.xid_62()),
        "xid-13": lambda: kernel.short_iso(now, kernel.xid_13()),
    }
    stack.append("kernel", texts[what]())


def _wait(_: Stack, seconds: str) -> None:
    time.sleep(float(seconds))


ACTS: dict[str, Callable[..., None]] = {
    "stop": lambda stack, part: stack.stop(part),
    "start": lambda stack, part: stack.start(part),
    "restart": lambda stack, part: stack.restart(part),
    "kill": lambda stack, part: stack.kill(part),
    "freeze": lambda stack, part: stack.freeze(part),
    "thaw": lambda stack: stack.thaw(),
    "rotate": lambda stack: stack.rotate(),
    "ask": _ask,
    "leave": _leave,
    "knock": _knock,
    "scan": _scan,
    "occupy": _occupy,
    "squat": _squat,
    "swallow": _swallow,
    "block": _block,
    "limit": _limit,
    "kernel": _kernel,
    "wait": _wait,
}
