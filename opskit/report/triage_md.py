"""A diagnosis as Markdown for a ticket: the same facts as the screen, with both local time and UTC, versions, sources,
what was done about it and how to look at it again.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import UTC

from opskit.model.diagnosis import Answered, Diagnosis, Finding, Measured
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.report.markdown import code, fenced, safe
from opskit.report.proof import fact_text, grouped
from opskit.report.told import Line, Told
from opskit.report.treatment_md import treatment_md
from opskit.report.triage_text import ANSWERS, headline, next_lines, question, remedy_lines

_SLOT = "{}"


def triage_md(told: Told, reader: Reader) -> str:
    """Return the transcript, with a final line end."""
    found = told.diagnosis
    lines = [f"# {safe(headline(told, reader))}", "", f"**{safe(_sentence(told, reader))}**", ""]
    lines += _about(told, reader)
    if found.finding:
        lines += [*_heading(say("Proof"), reader), *_proof(found.finding, reader)]
    if told.became:
        lines += [*_heading(say("The request asked about"), reader), *_request(told, reader)]
    lines += [*_heading(say("Steps"), reader), *(line for item in found.walked for line in _step(item, told, reader))]
    lines += _tail(found, reader)
    if found.finding:
        lines += [*_heading(say("What to do"), reader), *_fence(remedy_lines(found.finding, reader))]
    elif found.outcome == "unknown":
        lines += [*_heading(say("What to do"), reader), *_fence(next_lines(told, reader))]
    if told.treatment is not None:
        lines += [*_heading(say("What was done"), reader), *treatment_md(told.treatment, told.verify, reader)]
    lines += [*_heading(say("Look at it again"), reader), *fenced(_again(told))]
    return "\n".join(lines) + "\n"


def both_times(at: float, reader: Reader) -> str:
    """Epoch seconds by the reader's clock and in UTC."""
    local = reader.time(at)
    return f"{local.isoformat(timespec='seconds')} ({local.astimezone(UTC).isoformat(timespec='seconds')})"


def _sentence(told: Told, reader: Reader) -> str:
    finding = told.diagnosis.finding
    return reader.read(finding.cause.summary if finding else told.playbook.title)


def _about(told: Told, reader: Reader) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in told.versions.items())
    lines = [
        "- " + reader.read(say("Time: {when}", when=both_times(told.at, reader))),
        "- " + _filled(say("Host: {host}", host=_SLOT), safe(printable(told.host)), reader),
        f"- {safe(printable(versions))}, playbook {told.diagnosis.playbook}",
    ]
    lines += [f"- {safe(reader.read(note))}" for note in told.notes]
    if told.past:
        lines.append("- " + reader.read(say("The logs as they stood at that time; nothing else was looked at")))
    if told.origin:
        made = ", ".join(f"{name} {version}" for name, version in told.recorded_with.items())
        line = "- " + _filled(say("Evidence: {origin}", origin=_SLOT), code(told.origin), reader)
        lines.append(f"{line} ({safe(printable(made))})" if made else line)
    else:
        lines.append("- " + reader.read(say("Measured in {seconds} s", seconds=f"{told.seconds:.1f}")))
    return lines


def _filled(sentence: Message, markup: str, reader: Reader) -> str:
    """Put markup into a sentence. As one of its values it would be cut where that is long, and lose its last mark."""
    return reader.read(sentence).replace(_SLOT, markup)


def _heading(title: Message, reader: Reader) -> list[str]:
    return ["", f"## {reader.read(title)}", ""]


def _step(answered: Answered, told: Told, reader: Reader) -> list[str]:
    """The question with its answer, below it each value with where it was read."""
    answer = reader.read(ANSWERS[answered.answer])
    probes = {item.fact.partition(".")[0] for item in answered.measured}
    took = max((told.took[name] for name in probes if name in told.took), default=None)
    after = "" if took is None else " " + reader.read(say("(after {seconds} s)", seconds=f"{took:.1f}"))
    lines = [f"- {answered.stage}: {safe(question(answered.step, told, reader))} **{answer}**{after}"]
    return [*lines, *(f"  - {line}" for line in _values(answered.measured, reader))]


def _values(measured: Sequence[Measured], reader: Reader) -> list[str]:
    lines = []
    for item in measured:
        place = f" {code(item.evidence[0].where)}" if item.evidence else ""
        why = f" {safe(reader.read(item.why))}" if item.why is not None else ""
        lines.append(f"{code(fact_text(item, reader))}{place}{why}")
    return lines


def _tail(found: Diagnosis, reader: Reader) -> list[str]:
    lines = []
    if found.also_seen:
        lines += _heading(say("Also seen"), reader)
        for item in found.also_seen:
            lines.append(f"- {item.cause.code}: {safe(reader.read(item.cause.summary))}")
            if item.follows:
                lines.append("  - " + reader.read(say("this may follow from {code}", code=item.follows)))
            lines += [f"  {line}" for line in _proof(item, reader)]
    if found.unread:
        lines += _heading(say("Could not be told"), reader)
        lines += [f"- {safe(item.subject)}: {safe(reader.read(item.reason))}" for item in found.unread]
    return lines


def _proof(finding: Finding, reader: Reader) -> list[str]:
    return _facts(finding.proof, reader)


def _facts(measured: Sequence[Measured], reader: Reader) -> list[str]:
    lines = []
    for facts, places in grouped(measured):
        lines += [f"- {code(fact_text(item, reader))}" for item in facts]
        lines += [f"  - {code(place.where)} {code(place.text)}".rstrip() for place in places]
    return lines


def _request(told: Told, reader: Reader) -> list[str]:
    became = [f"- {safe(reader.read(message))}" for message in told.became]
    return [*became, *_facts(told.request, reader)]


def _fence(told: Sequence[Line]) -> list[str]:
    return fenced([line.text for line in told])


def _again(told: Told) -> list[str]:
    """The commands that lead back to this record, or to one like it."""
    playbook = "" if told.diagnosis.playbook == "chat-stuck" else f" {told.diagnosis.playbook}"
    if told.origin:
        return [f"opskit triage{playbook} --from {printable(shlex.quote(told.origin), 4000)}"]
    return [
        f"opskit triage{playbook} --last",
        "opskit snapshot -o chat.tar.gz",
        f"opskit triage{playbook} --from chat.tar.gz",
    ]
