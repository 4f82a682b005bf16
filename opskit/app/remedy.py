"""Carries out what a diagnosis advises: one command after the other, each as its person decides, then looks again.

The walk is over when this begins; the hand that decides and hears stands in `cli`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.app.remedy_verify import verify
from opskit.app.run_triage import Triage
from opskit.logs.redact import redact
from opskit.model.diagnosis import Finding
from opskit.model.message import say
from opskit.model.playbook import Remedy
from opskit.model.regex import regex
from opskit.model.treatment import Attempt, Fate, Treatment
from opskit.probes.command import Ended, run_command
from opskit.triage.verify import verified

READ_ONLY_S = 60.0
CHANGING_S = 300.0
# Control sequences of a terminal (ECMA-48 5.4) and operating system commands such as a window's title (8.3.89).
_TERMINAL = regex(r"\x1b\[[0-?]*+[ -/]*+[@-~]|\x1b\][^\x07\x1b\n]*+(?:\x07|\x1b\\)")

Decision = Literal["yes", "no", "not-asked", "quit", "stop"]


class Hand(Protocol):
    """Who decides what is run, and hears what became of it."""

    def decides(self, remedy: Remedy, number: int, count: int) -> Decision:
        """Decide on a command, the `number`th of `count`; `quit` is no more of them, `stop` is Ctrl-C."""

    def hears(self, attempt: Attempt) -> None:
        """What became of it."""

    def waits(self, seconds: float) -> None:
        """Something may have changed: for at most so long it is looked at whether it helped."""


Note = Callable[[Treatment], None]


def treat(context: Context, done: Triage, finding: Finding, hand: Hand, note: Note, wait_s: float) -> Treatment:
    """Go through the commands of a cause, then look whether it helped.

    `note` gets the state of things whenever it changed: a command may restart this machine.

    Raises DefinitionError.
    """
    course = _Course(Treatment(verified(done.tree, finding.cause.code, done.readings)), hand, note)
    commands = [remedy for remedy in finding.cause.remedy if remedy.run]
    try:
        course.run(commands)
        if course.treatment.changed and not course.treatment.stopped:
            hand.waits(wait_s)
            course.turn(after=verify(context, done.tree, finding.cause.code, wait_s))
    except KeyboardInterrupt:
        left = tuple(_attempt(remedy, "stop") for remedy in commands[len(course.treatment.attempts) :])
        course.turn(attempts=(*course.treatment.attempts, *left), stopped=True)
    return course.treatment


class _Course:
    """The treatment as it goes on."""

    def __init__(self, treatment: Treatment, hand: Hand, note: Note) -> None:
        self.treatment = treatment
        self._hand = hand
        self._note = note

    def run(self, commands: Sequence[Remedy]) -> None:
        """Let each be decided on, until somebody has enough; what is left is declined."""
        decision: Decision = "yes"
        for number, remedy in enumerate(commands, 1):
            if decision not in {"quit", "stop"}:
                decision = self._hand.decides(remedy, number, len(commands))
            attempt = _attempt(remedy, decision)
            if attempt.fate == "interrupted":
                decision = "stop"
            self.turn(attempts=(*self.treatment.attempts, attempt), stopped=decision == "stop")
            self._hand.hears(attempt)

    def turn(self, **changes: object) -> None:
        """Note what changed."""
        self.treatment = msgspec.structs.replace(self.treatment, **changes)
        self._note(self.treatment)


def _attempt(remedy: Remedy, decision: Decision) -> Attempt:
    if decision != "yes":
        fate: Fate = "not-asked" if decision == "not-asked" else "declined"
        return Attempt(remedy.run, remedy.risk, fate, undo=remedy.undo)
    began = epoch()
    try:
        ended = run_command(remedy.run, limit_of(remedy))
    except FileNotFoundError:
        why = say("there is no program {name} here", name=remedy.run[0])
        return Attempt(remedy.run, remedy.risk, "not-started", why=why)
    except (OSError, ValueError) as error:
        why = say("{error}", error=getattr(error, "strerror", None) or str(error))
        return Attempt(remedy.run, remedy.risk, "not-started", why=why)
    return Attempt(
        remedy.run,
        remedy.risk,
        ended.how,
        at=began,
        seconds=ended.seconds,
        code=ended.code,
        output=_output(ended),
        left_out=ended.left_out,
        lingers=ended.lingers,
        undo=remedy.undo,
    )


def limit_of(remedy: Remedy) -> float:
    """Return the time that a command gets, in seconds."""
    return READ_ONLY_S if remedy.risk == "read-only" else CHANGING_S


def _output(ended: Ended) -> str:
    """What was printed, as text without secrets. Where the middle is missing, no line is shown of which a part is."""
    head, tail = (part.decode("utf-8", "backslashreplace") for part in (ended.head, ended.tail))
    if not ended.left_out:
        return redact(_settled(head + tail))
    begun, rest = redact(_settled(head.rpartition("\n")[0])), redact(_settled(_whole_lines(tail)))
    return f"{begun}\n... {ended.left_out} bytes left out ...\n{rest}"


def _whole_lines(tail: str) -> str:
    """Leave out the first line, of which a part is missing, and a private key whose beginning is."""
    end, begin = tail.find("-----END "), tail.find("-----BEGIN ")
    line_end = tail.find("\n", end if end >= 0 and not 0 <= begin < end else 0)
    return tail[line_end + 1 :] if line_end >= 0 else ""


def _settled(text: str) -> str:
    """Without colours, which would also hide a secret behind them, and of progress on one line only its last state."""
    lines = _TERMINAL.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2].expandtabs() for line in lines).rstrip("\n")
