"""Runs gpu_reader and takes its answer: one at a time on this host, within the deadline, ended gently where it hangs.

A lock says that somebody asks. The reader inherits it, so it is held for as long as the reader lives: also after
opskit has given up one that not even SIGKILL ends, and so wedged readers never pile up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

import opskit
from opskit.logs.redact import redact
from opskit.model.message import Message, say
from opskit.model.typed import prepared
from opskit.probes.base import Deadline, LateError, ProbeError
from opskit.probes.child import Output, run

_PACKAGES = Path(opskit.__file__).parents[1]
_CAP_BYTES = 4 << 20
_TICK_S = 0.02
_HUNG = say(
    "the NVIDIA driver did not answer {stage} within {seconds} s: look for Xid 119 or 79 in the kernel log",
    stage="",
    seconds=0,
)
_BUSY = say("the NVIDIA driver did not answer an earlier question within {seconds} s", seconds=0)


def is_hung(reason: Message) -> bool:
    """Whether the reason why there is no inventory is a call to the driver that did not return."""
    return reason.template in {_HUNG.template, _BUSY.template}


def inventory(library: str | None, version_file: str, deadline: Deadline) -> bytes:
    """Return the inventory as JSON; `library` is the folder of libnvidia-ml.so.1 where it is not the usual one.

    Raises LateError where the driver or the reader hangs, ProbeError where the reader fails.
    """
    # With -P, and without relative paths, the present folder lends the reader no module.
    argv = (sys.executable, "-P", "-m", "opskit.probes.gpu_reader", version_file)
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    more = {"PYTHONPATH": os.pathsep.join([str(_PACKAGES), *filter(os.path.isabs, given)])}
    # glibc reads it when a process starts: for the reader that is now.
    more |= {"LD_LIBRARY_PATH": library} if library else {}
    with _alone(library, deadline) as lock:
        waited = deadline.seconds - deadline.left
        try:
            output = run(argv, deadline, say("ask the NVIDIA driver"), _CAP_BYTES, more, lock)
        except OSError as error:
            why = error.strerror or str(error)
            raise ProbeError(say("the NVML reader failed at {stage}: {why}", stage="start", why=why)) from None
    return _answer(output, deadline, waited)


def _answer(output: Output, deadline: Deadline, waited: float) -> bytes:
    stage, found = _told(output.stdout)
    if found:
        return bytes(msgspec.json.format(found, indent=1))
    if output.finished:
        why = redact(output.stderr.decode("utf-8", "replace")).strip().rpartition("\n")[2]
        shown = why or f"exit code {output.code}"
        raise ProbeError(say("the NVML reader failed at {stage}: {why}", stage=stage, why=shown))
    if stage == "start" and waited > deadline.seconds / 2:
        raise LateError(Message(_BUSY.template, {"seconds": deadline.seconds}))
    if stage == "start":
        raise LateError(say("the NVML reader did not start within {seconds} s", seconds=deadline.seconds))
    raise LateError(Message(_HUNG.template, {"stage": stage, "seconds": deadline.seconds}))


@contextlib.contextmanager
def _alone(library: str | None, deadline: Deadline) -> Iterator[tuple[int, ...]]:
    """Hold the lock; its place is the folder of the library, or the reader's own file. Where none can be had, go on."""
    place = library or str(Path(__file__).with_name("gpu_reader.py"))
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        yield ()
        return
    try:
        while not _taken(descriptor):
            if not deadline.left:
                raise LateError(Message(_BUSY.template, {"seconds": deadline.seconds}))
            time.sleep(_TICK_S)
        yield (descriptor,)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


class _Progress(msgspec.Struct):
    """A line of the reader: the call it is about to make, or the inventory at the end."""

    stage: str = ""
    inventory: msgspec.Raw = msgspec.Raw(b"")


def _told(stdout: bytes) -> tuple[str, bytes]:
    """Return the last call that the reader announced, and the inventory if it came that far."""
    stage, found = "start", b""
    for line in stdout.splitlines():
        try:
            progress = msgspec.json.decode(line, type=prepared(_Progress))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # a library may print what it likes; the evidence is checked when it is read
        stage, found = progress.stage or stage, bytes(progress.inventory) or found
    return stage, found
