"""A diagnosis for the person on duty: the verdict first, then what proves it, what to do, and what remains open.

Flowing lines, no boxes, words before symbols: it is read on a phone, over a slow line, at three in the morning.
"""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from opskit.model.diagnosis import Answered, Diagnosis, Finding, Measured
from opskit.model.message import Message, say
from opskit.model.playbook import Playbook, Remedy
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.reading import Fact


class Told(msgspec.Struct, frozen=True):
    """A diagnosis with what its words refer to: the playbook, the time of the evidence, the time it took."""

    diagnosis: Diagnosis
    playbook: Playbook
    at: float
    seconds: float
    origin: str = ""


def triage_text(told: Told, reader: Reader, width: int = 80) -> str:
    """Return the report, wrapped to `width` columns (0: not at all), without a final line end."""
    return "\n".join(_wrap(list(_report(told, reader)), width))


def _report(told: Told, reader: Reader) -> Iterator[str]:
    found = told.diagnosis
    yield headline(told, reader)
    if found.finding is not None:
        yield reader.read(found.finding.cause.summary)
        yield from _section(say("Proof"), _proof(found.finding, reader), reader)
        yield from _section(say("What to do"), remedy_lines(found.finding, reader), reader)
    else:
        yield reader.read(_ending(found))
    yield from _section(say("Steps"), _steps(told, reader), reader)
    yield from _section(say("Also seen"), _also_seen(found.also_seen, reader), reader)
    yield from _section(say("Could not be told"), _unread(found, reader), reader)
    yield ""
    yield reader.read(_footer(told, reader))


def headline(told: Told, reader: Reader) -> str:
    """`FAULT OPS201, layer gateway, certain`, or HEALTHY, or UNKNOWN."""
    finding = told.diagnosis.finding
    if finding is None:
        return told.diagnosis.outcome.upper()
    certainty = reader.read(say("certain") if finding.certainty == "certain" else say("probable"))
    layer = reader.read(say("layer {layer}", layer=finding.cause.layer))
    return f"FAULT {finding.cause.code}, {layer}, {certainty}"


def _ending(found: Diagnosis) -> Message:
    if found.outcome == "healthy":
        return say("Nothing wrong found: every step below was checked, and a question got its answer.")
    return say("Cannot tell: no cause was found, and not everything could be verified. See below what is missing.")


def _section(title: Message, lines: list[str], reader: Reader) -> Iterator[str]:
    if lines:
        yield ""
        yield reader.read(title)
        yield from (f"  {line}" for line in lines)


def _proof(finding: Finding, reader: Reader) -> list[str]:
    return [line for measured in finding.proof for line in proof_lines(measured, reader)]


def proof_lines(measured: Measured, reader: Reader) -> list[str]:
    """`gateway.refused = yes`, and below it where that was read."""
    lines = [f"{measured.fact} = {value_text(measured.value, reader)}"]
    for evidence in measured.evidence[:3]:
        text = f"  {printable(evidence.text, 300)}" if evidence.text else ""
        lines.append(f"    {printable(evidence.where, 200)}{text}")
    return lines


def value_text(value: Fact, reader: Reader) -> str:
    """Return a fact's value as a person says it."""
    if value is None:
        return reader.read(say("unknown"))
    if isinstance(value, bool):
        return reader.read(say("yes") if value else say("no"))
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return printable(str(value)) or "-"


def remedy_lines(finding: Finding, reader: Reader) -> list[str]:
    """Numbered sentences, the command to copy, its risk, the way back, and how to see that it helped."""
    lines = []
    for number, remedy in enumerate(finding.cause.remedy, 1):
        lines += _remedy(number, remedy, reader)
    lines.append(reader.read(say("It helped when this holds: {verify}", verify=finding.cause.verify)))
    return lines


def _remedy(number: int, remedy: Remedy, reader: Reader) -> list[str]:
    risk = reader.read(_RISKS[remedy.risk]) if remedy.risk else ""
    lines = [f"{number}. {reader.read(remedy.text)}" + (f" [{risk}]" if risk else "")]
    if remedy.run:
        lines.append(f"     {shlex.join(remedy.run)}")
    if remedy.undo:
        lines.append("   " + reader.read(say("undo: {command}", command=shlex.join(remedy.undo))))
    elif remedy.undo_text:
        lines.append("   " + reader.read(say("undo: {command}", command=remedy.undo_text)))
    return lines


_RISKS = {
    "read-only": say("read-only"),
    "changes-state": say("changes state"),
    "disruptive": say("disruptive"),
}


def _steps(told: Told, reader: Reader) -> list[str]:
    lines = []
    for number, title in enumerate(told.playbook.stages, 1):
        walked = [answered for answered in told.diagnosis.walked if answered.stage == number]
        lines.append(f"{number}. {reader.read(title)}" + ("" if walked else "  " + reader.read(say("not asked"))))
        lines += [f"   {_step(answered, told, reader)}" for answered in walked]
    return lines


def _step(answered: Answered, told: Told, reader: Reader) -> str:
    answer = {"yes": say("yes"), "no": say("no"), "unknown": say("unknown")}[answered.answer]
    measured = "; ".join(
        f"{item.fact} {value_text(item.value, reader)}" for item in answered.measured if item.value is not None
    )
    asked = question(answered.step, told, reader)
    return f"{asked} {reader.read(answer)}" + (f"  ({measured})" if measured else "")


def question(step: str, told: Told, reader: Reader) -> str:
    """Return a step's question with the numbers of the contract filled in."""
    text = reader.read(told.playbook.steps[step].ask)
    for name, value in told.diagnosis.params.items():
        text = text.replace(f"{{{name}}}", f"{value:g}")
    return text


def _also_seen(findings: Sequence[Finding], reader: Reader) -> list[str]:
    lines = []
    for finding in findings:
        lines.append(f"{finding.cause.code}  {reader.read(finding.cause.summary)}")
        lines += [f"  {line}" for measured in finding.proof[:2] for line in proof_lines(measured, reader)]
    return lines


def _unread(found: Diagnosis, reader: Reader) -> list[str]:
    return [f"{item.subject}: {reader.read(item.reason)}" for item in found.unread]


def _footer(told: Told, reader: Reader) -> Message:
    when = reader.stamp(told.at)
    if told.origin:
        return say("evidence of {when}, from {origin}", when=when, origin=told.origin)
    return say("{when}, in {seconds} s", when=when, seconds=f"{told.seconds:.1f}")


def _wrap(lines: Sequence[str], width: int) -> Iterator[str]:
    """Break long lines at blanks, keep their indentation; a command to copy is never broken."""
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if not width or len(line) <= width or indent >= 7:
            yield line
            continue
        hang = " " * min(indent + 4, width // 3)
        yield from textwrap.wrap(
            line, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False
        ) or [line]
