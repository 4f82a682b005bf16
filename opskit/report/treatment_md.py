"""What was done about a cause, as Markdown: every command with what it printed, then whether it helped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.treatment import Attempt, Treatment
from opskit.report.markdown import code, fenced, safe
from opskit.report.treatment_text import command_text, ending, values_text, verdict_lines

_LONGEST = 1000


def treatment_md(treatment: Treatment, verify: str, reader: Reader) -> list[str]:
    """Return the lines below the heading."""
    lines = [line for number, item in enumerate(treatment.attempts, 1) for line in _attempt(number, item, reader)]
    before = say("Before: {values}", values=values_text(treatment.before.measured, reader))
    lines += [*([""] if lines and lines[-1] else []), f"- {safe(reader.read(before))}"]
    return [*lines, *(f"- {safe(line.text.strip())}" for line in verdict_lines(treatment, verify, reader))]


def output_lines(attempt: Attempt) -> list[str]:
    """What a command printed, each line safe to show."""
    return [printable(line, _LONGEST) for line in attempt.output.split("\n")] if attempt.output else []


def _attempt(number: int, attempt: Attempt, reader: Reader) -> Iterator[str]:
    risk = f" [{attempt.risk}]" if attempt.risk else ""
    yield f"{number}. {code(command_text(attempt.run))}{safe(risk)} {safe(reader.read(ending(attempt)))}"
    if attempt.at is not None:
        local = reader.time(attempt.at)
        utc = local.astimezone(UTC).isoformat(timespec="seconds")
        begun = say("begun {when}", when=f"{local.isoformat(timespec='seconds')} ({utc})")
        yield f"   - {safe(reader.read(begun))}"
    if attempt.lingers:
        lingers = say("what it started is still there")
        yield f"   - {safe(reader.read(lingers))}"
    shown = output_lines(attempt)
    if shown:
        yield ""
        yield from (f"   {line}" for line in fenced(shown))
        yield ""
