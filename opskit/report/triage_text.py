"""A diagnosis for the person on duty: the verdict first, then what proves it, what to do, and what remains open.

Flowing lines, no boxes, words before symbols: it is read on a phone, over a slow line, at three in the morning.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from opskit.model.diagnosis import Answered, Diagnosis, Finding
from opskit.model.message import Message, say
from opskit.model.playbook import Cause, Remedy
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.report.proof import proof_lines, value_text
from opskit.report.told import Line, Told
from opskit.report.treatment_text import treatment_lines
from opskit.report.wrapping import wrapped

_PLACES = 3
ANSWERS = {"yes": say("yes"), "no": say("no"), "unknown": say("unknown")}


def triage_text(told: Told, reader: Reader, width: int = 80, *, every: bool = False) -> str:
    """Return the report, wrapped to `width` columns (0: not at all), without a final line end.

    With `every` each question that was asked is shown, also those that only left a cause out.
    """
    return "\n".join(rows(_report(told, reader, every=every), width))


def done_text(told: Told, reader: Reader, width: int = 80) -> str:
    """Return what was done about it and whether it helped, for whoever has read the rest of the report."""
    return "\n".join(rows(_done(told, reader), width))


def rows(lines: Iterable[Line], width: int) -> list[str]:
    """Return the lines wrapped to `width` columns (0: not at all)."""
    return [row for line in lines for row in wrapped(line.text, 0 if line.whole else width)]


def _done(told: Told, reader: Reader) -> Iterator[Line]:
    if told.treatment is not None:
        yield from _section(say("What was done"), treatment_lines(told.treatment, told.verify, reader), reader)


def _report(told: Told, reader: Reader, *, every: bool) -> Iterator[Line]:
    found = told.diagnosis
    yield Line(headline(told, reader))
    if found.finding is not None:
        yield Line(reader.read(found.finding.cause.summary))
        yield from _section(say("Proof"), _plain(proof_lines(found.finding.proof, reader)), reader)
        yield from _section(say("What to do"), remedy_lines(found.finding, reader), reader)
    else:
        yield Line(reader.read(ending(found)))
        if found.outcome == "unknown":
            yield from _section(say("What to do"), next_lines(told, reader), reader)
    yield from _section(say("The request asked about"), _plain(_request(told, reader)), reader)
    yield from _section(say("Steps"), _plain(_steps(told, reader, every=every)), reader)
    yield from _section(say("Also seen"), _plain(_also_seen(found.also_seen, reader)), reader)
    yield from _section(say("Could not be told"), _plain(_unread(found, reader)), reader)
    yield from _done(told, reader)
    yield Line("")
    yield Line(reader.read(_footer(told, reader)))


def headline(told: Told, reader: Reader) -> str:
    """`FAULT OPS201, layer gateway, certain`, or HEALTHY, or UNKNOWN."""
    finding = told.diagnosis.finding
    if finding is None:
        return told.diagnosis.outcome.upper()
    certainty = reader.read(say("certain") if finding.certainty == "certain" else say("probable"))
    layer = reader.read(say("layer {layer}", layer=finding.cause.layer))
    return f"FAULT {finding.cause.code}, {layer}, {certainty}"


def ending(found: Diagnosis) -> Message:
    """What is said where no cause was found."""
    if found.outcome == "healthy":
        if found.unread:
            return say("Nothing wrong found, and a question got its answer. Not everything could be read: see below.")
        return say("Nothing wrong found: every step below was checked, and a question got its answer.")
    return say("Cannot tell: no cause was found, and it is not proven that all is well. The last step below says why.")


def next_lines(told: Told, reader: Reader) -> list[Line]:
    """Where no cause can be named there is still a way on: light in the dark places, the person's own knowledge."""
    steps: list[tuple[Message, str]] = []
    if told.past:
        steps.append((say("See what holds now, which is more than logs can tell"), "opskit triage"))
    elif any("." not in item.subject for item in told.diagnosis.unread):  # a whole source, not only a fact of it
        readable = say("Make readable what could not be read (see below), or run triage again as root")
        steps.append((readable, "sudo opskit triage"))
    asked = say("Ask one user what they see: waiting, an error, an empty answer, or only slow, and since when")
    steps += [
        (asked, ""),
        (say("Keep the evidence before anything is restarted"), "opskit snapshot -o chat.tar.gz"),
    ]
    lines = []
    for number, (text, command) in enumerate(steps, 1):
        lines.append(Line(f"{number}. {reader.read(text)}"))
        if command:
            lines.append(Line(f"     {command}", whole=True))
    return lines


def _request(told: Told, reader: Reader) -> list[str]:
    return [*(reader.read(message) for message in told.became), *proof_lines(told.request, reader)]


def _plain(lines: Sequence[str]) -> list[Line]:
    return [Line(line) for line in lines]


def _section(title: Message, lines: Sequence[Line], reader: Reader) -> Iterator[Line]:
    if lines:
        yield Line("")
        yield Line(reader.read(title))
        yield from (Line(f"  {line.text}", line.whole) for line in lines)


def remedy_lines(finding: Finding, reader: Reader) -> list[Line]:
    """What to do, and how to see that it helped."""
    helped = say("It helped when this holds: {verify}", verify=finding.cause.verify)
    return [*todo_lines(finding.cause, reader), Line(reader.read(helped))]


def todo_lines(cause: Cause, reader: Reader) -> list[Line]:
    """Numbered sentences, the command to copy, its risk, and the way back."""
    return [line for number, remedy in enumerate(cause.remedy, 1) for line in advice_lines(number, remedy, reader)]


def advice_lines(number: int, remedy: Remedy, reader: Reader) -> Iterator[Line]:
    """One thing to do: the sentence with its risk, the command, the way back."""
    risk = reader.read(_RISKS[remedy.risk]) if remedy.risk else ""
    yield Line(f"{number}. {reader.read(remedy.text)}" + (f" [{risk}]" if risk else ""))
    if remedy.run:
        yield Line(f"     {shlex.join(remedy.run)}", whole=True)
    if remedy.undo:
        yield Line("   " + reader.read(say("undo: {command}", command=shlex.join(remedy.undo))), whole=True)
    elif remedy.undo_text:
        yield Line("   " + reader.read(say("undo: {command}", command=remedy.undo_text)))


_RISKS = {
    "read-only": say("read-only"),
    "changes-state": say("changes state"),
    "disruptive": say("disruptive"),
}


def _steps(told: Told, reader: Reader, *, every: bool) -> list[str]:
    """The stages with their questions; those that only left a cause out are counted, unless `every` one is wanted."""
    lines = []
    for number, title in enumerate(told.playbook.stages, 1):
        walked = [answered for answered in told.diagnosis.walked if answered.stage == number]
        shown = [answered for answered in walked if every or _says_more(answered, told)]
        lines.append(f"{number}. {reader.read(title)}" + ("" if walked else "  " + reader.read(say("not asked"))))
        lines += [f"   {_step(answered, told, reader)}" for answered in shown]
        if len(walked) > len(shown):
            left_out = say("causes looked for here and not found: {n}", n=len(walked) - len(shown))
            lines.append(f"   {reader.read(left_out)}")
    return lines


def _says_more(answered: Answered, told: Told) -> bool:
    """Whether an answer does more than leave one cause out: it found one, is not known, or chose the way.

    What only rules out a doubt belongs to the proof that all is well, and says nothing beside a cause.
    """
    yes = told.playbook.steps[answered.step].then["yes"]
    rules_out = yes.cause is not None or (yes.end is not None and told.diagnosis.outcome == "fault")
    return answered.answer != "no" or not rules_out


def _step(answered: Answered, told: Told, reader: Reader) -> str:
    known = [item for item in answered.measured if item.value is not None]
    measured = "; ".join(f"{item.fact} {value_text(item.value, reader)}" for item in known)
    places = dict.fromkeys(printable(place.where, 120) for item in known for place in item.evidence[:1])
    read = reader.read(say("read from {places}", places=", ".join(list(places)[:_PLACES]))) if places else ""
    asked = question(answered.step, told, reader)
    told_of = "; ".join(part for part in (measured, read) if part)
    return f"{asked} {reader.read(ANSWERS[answered.answer])}" + (f"  ({told_of})" if told_of else "")


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
        if finding.follows:
            lines.append("  " + reader.read(say("this may follow from {code}", code=finding.follows)))
        lines += [f"  {line}" for line in proof_lines(finding.proof[:2], reader)]
    return lines


def _unread(found: Diagnosis, reader: Reader) -> list[str]:
    """What is dark for one and the same reason stands in one line."""
    reasons = dict[str, list[str]]()
    for item in found.unread:
        reasons.setdefault(reader.read(item.reason), []).append(item.subject)
    return [f"{', '.join(subjects)}: {reason}" for reason, subjects in reasons.items()]


def _footer(told: Told, reader: Reader) -> Message:
    when = reader.stamp(told.at)
    if told.past:
        return say("the logs as they stood at {when}; what holds now is told by opskit triage without --at", when=when)
    if told.origin:
        return say("evidence of {when}, from {origin}", when=when, origin=told.origin)
    return say("{when}, in {seconds} s", when=when, seconds=f"{told.seconds:.1f}")
