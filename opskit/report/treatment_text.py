"""What was done about a cause, as lines: each command with its end, then whether it helped."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from opskit.model.diagnosis import Measured
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.treatment import Attempt, Treatment, Verified
from opskit.report.proof import value_text
from opskit.report.told import Line


def treatment_lines(treatment: Treatment, verify: str, reader: Reader) -> list[Line]:
    """`1. nginx -t: exit code 0 after 0.1 s`, and at the end `It helped: edge.answered is yes`."""
    lines = []
    for number, attempt in enumerate(treatment.attempts, 1):
        lines.append(Line(f"{number}. {command_text(attempt.run)}", whole=True))
        lines.append(Line(f"   {reader.read(ending(attempt))}"))
        if attempt.lingers:
            lines.append(Line(f"   {reader.read(_LINGERS)}"))
    return [*lines, *verdict_lines(treatment, verify, reader)]


_LINGERS = say("What it started is still there and writes to opskit: it may end with opskit, see whether it stays")


def command_text(argv: Sequence[str]) -> str:
    """A command as it would be typed."""
    return printable(shlex.join(argv), 2000)


def ending(attempt: Attempt) -> Message:
    """How a command ended, or why it was not run."""
    seconds = f"{attempt.seconds:.1f}"
    match attempt.fate:
        case "ended" if attempt.code is not None and attempt.code < 0:
            return say("ended by signal {number} after {seconds} s", number=-attempt.code, seconds=seconds)
        case "ended":
            code = "?" if attempt.code is None else str(attempt.code)
            return say("exit code {code} after {seconds} s", code=code, seconds=seconds)
        case "late":
            return say("stopped after {seconds} s, as its time was over: how far it came is not known", seconds=seconds)
        case "interrupted":
            return say("stopped by Ctrl-C after {seconds} s: how far it came is not known", seconds=seconds)
        case "not-started":
            return say("not started: {why}", why=attempt.why or "?")
        case "declined":
            return say("declined")
        case "not-asked":
            return say("not run: there was nobody to confirm it")


def verdict_lines(treatment: Treatment, verify: str, reader: Reader) -> Iterator[Line]:
    """Whether it helped; where it did not, the way back."""
    if not treatment.changed:
        return
    if treatment.after is None:
        yield Line(reader.read(say("Whether it helped was not looked at: {verify}", verify=verify)))
    else:
        yield Line(reader.read(verdict(treatment.before, treatment.after, verify, reader)))
    if treatment.after is None or treatment.after.holds != "yes":
        for attempt in reversed(treatment.attempts):
            if attempt.changed and attempt.undo:
                back = say("to take it back: {command}", command=command_text(attempt.undo))
                yield Line(reader.read(back), whole=True)


def verdict(before: Verified, after: Verified, verify: str, reader: Reader) -> Message:
    """It helped, not yet, or cannot tell. What held before is no merit of a remedy, and what nobody saw neither."""
    values = values_text(after.measured, reader)
    match after.holds, before.holds:
        case "yes", "no":
            return say("It helped: {values}", values=values)
        case "yes", "yes":
            return say("It holds, as it did before anything was run, which proves no remedy: {values}", values=values)
        case "yes", _:
            return say("It holds now, what was before is not known: {values}", values=values)
        case "no", _:
            seconds = f"{after.seconds:.0f}"
            return say("Not yet, after {seconds} s: {values}; it helped when this holds: {verify}",
                       seconds=seconds, values=values, verify=verify)  # fmt: skip
        case _:
            return say("Cannot tell whether it helped: {values}", values=values)


def values_text(measured: Sequence[Measured], reader: Reader) -> str:
    """`answer.answered is yes`, with the reason where it is unknown."""
    return "; ".join(reader.read(_value(item, reader)) for item in measured)


def _value(item: Measured, reader: Reader) -> Message:
    value = value_text(item.value, reader)
    if item.why is not None:
        return say("{fact} is {value} ({why})", fact=item.fact, value=value, why=item.why)
    return say("{fact} is {value}", fact=item.fact, value=value)
