"""Runs checks that are seldom due in a process of their own, which ends with what it took to load and to see.

A certificate is looked at once a week, and the library for it is as large as all that looks at the host every minute.
The process is given settings and checks as they are in force, and reads no file of them; it settles and remembers as
the daemon would, and hands the outcomes over.
"""

from __future__ import annotations

import logging
import os
import sys
from contextlib import closing
from pathlib import Path

import msgspec

from opskit.app.context import Context, reader_for
from opskit.app.memory import Memory
from opskit.app.observe import Live
from opskit.app.run_checks import Outcome, run_checks
from opskit.definitions.loaded import Loaded
from opskit.history.codec import packed, unpacked
from opskit.model.check import Check
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.settings import Settings
from opskit.model.state import State
from opskit.model.verdict import Verdict
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.child import run

log = logging.getLogger("opskit")
SELDOM_S = 3600.0
"""What is due less often than this pays for a process with more patience than memory."""
_START_S = 30.0
_CAP_BYTES = 16 << 20


class _Task(msgspec.Struct, frozen=True):
    """Which checks to run, of all that are in force, and the context to run them in."""

    ids: list[str]
    checks: dict[str, Check]
    settings: Settings
    lang: str
    definitions: str | None
    config: str | None


class _Ran(msgspec.Struct, frozen=True):
    """An outcome without its check, which whoever asked has."""

    check: str
    verdict: Verdict
    state: State | None
    trouble: Message | None
    seconds: float


class _Told(msgspec.Struct, frozen=True):
    """What became of a task; `news` is what the memory had to say when it was opened."""

    ran: list[_Ran]
    news: Message | None


def ran_apart(context: Context, checks: tuple[Check, ...]) -> list[Outcome] | None:
    """Run checks in a process of their own and return their outcomes; None, and why in the log, where that failed."""
    known = {check.id: check for check in checks}
    try:
        told = unpacked(_answer(_task(context, checks), max(check.timeout for check in checks)), _Told)
        outcomes = [Outcome(known[one.check], one.verdict, one.state, one.trouble, one.seconds) for one in told.ran]
    except (OSError, ValueError, KeyError, ProbeError) as error:  # msgspec's errors are ValueErrors
        log.warning("%s: a process of its own failed: %s", " ".join(known), printable(str(error)))
        return None
    if told.news is not None:
        log.info("%s", context.reader.read(told.news))
    return outcomes


def _task(context: Context, checks: tuple[Check, ...]) -> bytes:
    places = [None if place is None else str(place) for place in (context.definitions, context.config)]
    ids = [check.id for check in checks]
    return msgspec.msgpack.encode(_Task(ids, context.checks(), context.settings, context.reader.lang, *places))


def _answer(task: bytes, seconds: float) -> str:
    """Raises OSError, ProbeError, and ValueError where the process did not come to its end."""
    given = os.memfd_create("opskit-task")  # unlike a pipe it takes all at once, also where nobody reads
    try:
        os.write(given, task)
        os.lseek(given, 0, os.SEEK_SET)
        argv = (sys.executable, "-P", "-m", "opskit.app.apart")
        output = run(argv, Deadline(seconds + _START_S), say("run checks"), _CAP_BYTES, stdin=given)
    finally:
        os.close(given)
    if not output.finished:
        raise ValueError(f"no end within {seconds + _START_S:g} s")
    if output.code != 0:
        why = output.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ValueError(why or f"exit code {output.code}")
    return output.stdout.decode("ascii")


def main() -> None:
    """Do the task that standard input holds."""
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Task)
    definitions, config = (None if place is None else Path(place) for place in (task.definitions, task.config))
    context = Context(task.settings, reader_for(task.lang), definitions, config).with_checks(Loaded(task.checks))
    with closing(Memory(context)) as memory:
        outcomes = run_checks(context, [task.checks[name] for name in task.ids], Live(), memory)
        ran = [_Ran(one.check.id, one.verdict, one.state, one.trouble, one.seconds) for one in outcomes]
        told = _Told(ran, memory.news)
    sys.stdout.write(packed(told))
    sys.stdout.flush()
    # A probe that hangs in the kernel lives in a thread: the interpreter must not wait for it.
    os._exit(0)


if __name__ == "__main__":
    main()
