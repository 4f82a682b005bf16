"""Programs that probes start: no shell, an own process group, a bounded answer, and an end within the deadline."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Sequence

import msgspec

from opskit.model.message import Message
from opskit.probes.base import Deadline

_BLOCK = 1 << 16
_GRACE_S = 0.3


class Output(msgspec.Struct, frozen=True):
    """What a program printed. `code` is None where it was stopped; `finished` says whether it came to its own end."""

    stdout: bytes
    stderr: bytes
    code: int | None
    finished: bool


def run(argv: Sequence[str], deadline: Deadline, stage: Message, cap_bytes: int) -> Output:
    """Run a program and return its output, cut at `cap_bytes`; when time or room run out its whole group is ended.

    Raises FileNotFoundError and PermissionError like subprocess, and ProbeError where no time is left at all.
    """
    deadline.enter(stage)
    # A group of its own, so that whatever the program starts dies with it.
    process = subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    try:
        printed, finished = _drain(process, deadline, cap_bytes)
        code = _wait(process, max(deadline.left, _GRACE_S)) if finished else None
    finally:
        _end(process)
    return Output(printed[0], printed[1], code, finished and code is not None)


def _drain(process: subprocess.Popen[bytes], deadline: Deadline, cap_bytes: int) -> tuple[tuple[bytes, bytes], bool]:
    """Read both pipes until they close, the time is over or the cap is reached; say whether they closed."""
    if process.stdout is None or process.stderr is None:
        return (b"", b""), False
    parts: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in parts:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and deadline.left and sum(map(len, parts.values())) < cap_bytes:
            for key, _events in selector.select(deadline.left):
                block = os.read(key.fd, _BLOCK)
                parts[key.fd] += block
                if not block:
                    selector.unregister(key.fd)
        closed = not selector.get_map()
    stdout, stderr = (bytes(part) for part in parts.values())
    return (stdout, stderr), closed


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop what still runs: TERM, then KILL, to the whole group. A process that even KILL cannot end is let go."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        if _wait(process, _GRACE_S) is not None and number is signal.SIGKILL:
            break
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
