"""Commands that a person told opskit to run: no shell, no terminal, a session of their own, a time limit.

A probe's program (`child`) is ended with all that it started. A remedy may start what is to stay, such as a service, so
what it leaves behind at its own end lives on; and one that prints too much is not ended half-way, its output is cut.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from typing import IO, Literal

import msgspec

from opskit.probes.process_end import is_over

_BLOCK = 1 << 16
_HEAD = 16 << 10
_TAIL = 48 << 10
_QUIET_S = 0.3
_GRACE_S = 5.0  # between TERM and KILL: whoever pulls a model or renews a certificate wants to put things in order
_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")  # nginx and nft: not on every user's PATH
_HELD: list[IO[bytes]] = []  # the pipes of what lives on: closing them here would end it at its next word

How = Literal["ended", "late", "interrupted"]


class Ended(msgspec.Struct, frozen=True):
    """How a command ended. `head` and `tail` are what it printed, both streams in their order, without the middle.

    `code` is negative for a signal, and None unless it came to its own end; `seconds` by the monotonic clock.
    """

    how: How
    code: int | None
    seconds: float
    head: bytes = b""
    tail: bytes = b""
    left_out: int = 0
    lingers: bool = False


class _Heard:
    """The first and the last of a stream."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.tail = bytearray()
        self.left_out = 0

    def take(self, block: bytes) -> None:
        room = _HEAD - len(self.head)
        self.head += block[:room]
        self.tail += block[room:]
        excess = len(self.tail) - _TAIL
        if excess > 0:
            del self.tail[:excess]
            self.left_out += excess


def run_command(argv: Sequence[str], limit_s: float) -> Ended:
    """Run a command to its end; stop it, with its whole group, after `limit_s` or at Ctrl-C.

    Raises OSError, and ValueError for a NUL in a word, where it cannot be started.
    """
    began = time.monotonic()
    with _interrupts() as interrupts:
        process = _started(argv)
        heard, lingers = _Heard(), False
        how: How = "interrupted"
        try:
            how, lingers = _listen(process, heard, began + limit_s, interrupts)
        finally:
            if how != "ended":
                _stop(process.pid)
                _take_last_words(process, heard)
        code = process.wait(_GRACE_S) if how == "ended" else process.poll()
        _let_go(process, lingers=lingers)
    seconds = time.monotonic() - began
    told = (bytes(heard.head), bytes(heard.tail), heard.left_out)
    return Ended(how, code if how == "ended" else None, seconds, *told, lingers)


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C instead of raising it: it must not fall between the start of a command and the note of it."""
    heard = list[int]()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    former = signal.signal(signal.SIGINT, lambda number, _frame: heard.append(number))
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, former)


def _started(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,  # a question of its own must not be answered by what was typed for ours
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, "PATH": _path(), "LC_ALL": "C.UTF-8"},
    )


def _path() -> str:
    known = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*known, *(folder for folder in _FOLDERS if folder not in known)])


def _listen(process: subprocess.Popen[bytes], heard: _Heard, end: float, interrupts: Sequence[int]) -> tuple[How, bool]:
    """Read until the command is over; say how that was, and whether somebody else still holds its output.

    What it left behind may write on for ever: after its own end only what is on its way is taken.
    """
    if process.stdout is None:
        return "ended", False
    is_open, over = True, False
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while is_open and time.monotonic() < end and not interrupts:
            ready = selector.select(min(_QUIET_S, max(0.0, end - time.monotonic())))
            if ready:
                block = os.read(process.stdout.fileno(), _BLOCK)
                heard.take(block)
                is_open = bool(block)
            elif over:
                break
            if not over and is_over(process.pid, 0):
                over, end = True, time.monotonic() + _QUIET_S
    while not over and time.monotonic() < end and not interrupts:
        over = is_over(process.pid, min(_QUIET_S, max(0.0, end - time.monotonic())))
    if over or is_over(process.pid, 0):
        return "ended", is_open
    return ("interrupted" if interrupts else "late"), False


def _take_last_words(process: subprocess.Popen[bytes], heard: _Heard) -> None:
    """Take what was on its way when the command was stopped: one pipe full, whoever else writes on."""
    if process.stdout is None:
        return
    os.set_blocking(process.stdout.fileno(), False)
    with contextlib.suppress(BlockingIOError):
        heard.take(os.read(process.stdout.fileno(), _BLOCK))


def _stop(pid: int) -> None:
    """TERM, and KILL for what is left of the group. A process that even KILL cannot end is let go."""
    for number, grace_s in ((signal.SIGTERM, _GRACE_S), (signal.SIGKILL, _QUIET_S)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        is_over(pid, grace_s)


def _let_go(process: subprocess.Popen[bytes], *, lingers: bool) -> None:
    if process.stdout is None:
        return
    if lingers:
        _HELD.append(process.stdout)
    else:
        process.stdout.close()
