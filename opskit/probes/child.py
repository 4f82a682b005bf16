"""Programs that probes start: no shell, an own process group, a bounded answer, and an end within the deadline."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
from collections.abc import Mapping, Sequence

import msgspec

from opskit.model.message import Message
from opskit.probes.base import Deadline
from opskit.probes.process_end import is_over

_BLOCK = 1 << 16
_GRACE_S = 0.3


class Output(msgspec.Struct, frozen=True):
    """What a program printed. `code` is None where it was stopped; `finished` says whether it came to its own end."""

    stdout: bytes
    stderr: bytes
    code: int | None
    finished: bool


def run(
    argv: Sequence[str],
    deadline: Deadline,
    stage: Message,
    cap_bytes: int,
    more: Mapping[str, str] = {},
    stdin: int = subprocess.DEVNULL,
) -> Output:
    """Run a program and return its output, cut at `cap_bytes`; when time or room run out its whole group is ended.

    `more` is added to its environment; `stdin` is a descriptor that it reads from.

    Raises OSError like subprocess where it cannot be started, and ProbeError where no time is left at all.
    """
    deadline.enter(stage)
    # A group of its own, so that whatever the program starts dies with it.
    process = subprocess.Popen(
        list(argv),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={**os.environ, **more, "LC_ALL": "C.UTF-8"},
    )
    return finish(process, deadline, cap_bytes)


def finish(process: subprocess.Popen[bytes], deadline: Deadline, cap_bytes: int) -> Output:
    """Return what a program prints that leads a group of its own; when time or room run out that is ended."""
    finished = False
    try:
        printed, closed = _drain(process, deadline, cap_bytes)
        finished = closed and is_over(process.pid, max(deadline.left, _GRACE_S))
    finally:
        _end(process)
    code = process.returncode if finished else None
    return Output(printed[0][:cap_bytes], printed[1][:cap_bytes], code, finished)


def _drain(process: subprocess.Popen[bytes], deadline: Deadline, cap_bytes: int) -> tuple[tuple[bytes, bytes], bool]:
    """Read both pipes until they close, the time is over or the cap is reached; say whether that was all.

    It was where they close, and where the program has ended and all is quiet: then a child that it left behind, such as
    the master of a shared SSH connection, holds them.
    """
    if process.stdout is None or process.stderr is None:
        return (b"", b""), False
    parts: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    left_behind = False
    with selectors.DefaultSelector() as selector:
        for descriptor in parts:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map() and not left_behind and deadline.left and sum(map(len, parts.values())) < cap_bytes:
            heard = selector.select(min(deadline.left, _GRACE_S))
            for key, _events in heard:
                block = os.read(key.fd, _BLOCK)
                parts[key.fd] += block
                if not block:
                    selector.unregister(key.fd)
            left_behind = not heard and is_over(process.pid, 0)
        closed = left_behind or not selector.get_map()
    stdout, stderr = (bytes(part) for part in parts.values())
    return (stdout, stderr), closed


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop what still runs: TERM, then KILL, to the whole group. A process that even KILL cannot end is let go."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        is_over(process.pid, _GRACE_S)
    process.poll()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
