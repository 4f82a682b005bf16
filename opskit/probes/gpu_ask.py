"""Runs gpu_reader and takes its answer: one at a time on this host, within the deadline, ended gently where it hangs.

A lock says that somebody asks. The reader holds it for as long as it lives: also after opskit has given up one that not
even SIGKILL ends, and so wedged readers never ask all at once.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from opskit.model.message import Message, say
from opskit.model.typed import prepared
from opskit.probes.base import Deadline, LateError, ProbeError
from opskit.probes.child import Output, finish
from opskit.probes.gpu_start import start, waiting

if TYPE_CHECKING:
    from subprocess import Popen

_READER = str(Path(__file__).with_name("gpu_reader.py"))
_CAP_BYTES = 4 << 20
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
    deadline.enter(say("ask the NVIDIA driver"))
    question = {"library": library, "version_file": version_file, "lock": library or _READER}
    try:
        reader = waiting() or start()
        _ask(reader, msgspec.json.encode(question))
    except OSError as error:
        why = error.strerror or str(error)
        raise ProbeError(say("the NVML reader failed at {stage}: {why}", stage="start", why=why)) from None
    return _answer(finish(reader, deadline, _CAP_BYTES), deadline)


def _ask(reader: Popen[bytes], question: bytes) -> None:
    """Hand over the question, which is shorter than a pipe is wide. A reader that has died says itself why."""
    if reader.stdin is not None:
        with contextlib.suppress(BrokenPipeError), reader.stdin as pipe:
            pipe.write(question + b"\n")


def _answer(output: Output, deadline: Deadline) -> bytes:
    stage, found = _told(output.stdout)
    if found:
        return bytes(msgspec.json.format(found, indent=1))
    if output.finished:
        from opskit.logs.redact import redact

        why = redact(output.stderr.decode("utf-8", "replace")).strip().rpartition("\n")[2]
        shown = why or f"exit code {output.code}"
        raise ProbeError(say("the NVML reader failed at {stage}: {why}", stage=stage, why=shown))
    if stage == "lock":
        raise LateError(Message(_BUSY.template, {"seconds": deadline.seconds}))
    if stage == "start":
        raise LateError(say("the NVML reader did not start within {seconds} s", seconds=deadline.seconds))
    raise LateError(Message(_HUNG.template, {"stage": stage, "seconds": deadline.seconds}))


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
