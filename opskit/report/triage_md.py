"""A diagnosis as Markdown for a ticket: the same facts as the screen, with both local time and UTC, and versions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC

from opskit.model.diagnosis import Finding
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.report.proof import fact_text, grouped, value_text
from opskit.report.triage_text import ANSWERS, Line, Told, headline, next_lines, question, remedy_lines

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|!~&$])")
_SLOT = "{}"
_STARTS = re.compile(r"^(\s*)([-+=]|[0-9]+(?=[.)]))")


def triage_md(told: Told, reader: Reader, version: str, host: str) -> str:
    """Return the transcript, with a final line end."""
    found = told.diagnosis
    local = reader.time(told.at)
    both = f"{local.isoformat(timespec='seconds')} ({local.astimezone(UTC).isoformat(timespec='seconds')})"
    lines = [f"# {_safe(headline(told, reader))}", ""]
    if found.finding:
        lines += [f"**{_safe(reader.read(found.finding.cause.summary))}**", ""]
    lines += [
        "- " + reader.read(say("Time: {when}", when=both)),
        "- " + _filled(say("Host: {host}", host=_SLOT), _safe(printable(host)), reader),
        f"- opskit {version}, playbook {found.playbook}",
    ]
    if told.origin:
        lines.append("- " + _filled(say("Evidence: {origin}", origin=_SLOT), _code(told.origin), reader))
    if found.finding:
        lines += _heading(say("Proof"), reader)
        lines += _proof(found.finding, reader)
        lines += [*_heading(say("What to do"), reader), *_fenced(remedy_lines(found.finding, reader))]
    elif found.outcome == "unknown":
        lines += [*_heading(say("What to do"), reader), *_fenced(next_lines(found, reader))]
    lines += _heading(say("Steps"), reader)
    for answered in found.walked:
        values = ", ".join(f"{item.fact} = {value_text(item.value, reader)}" for item in answered.measured)
        answer = reader.read(ANSWERS[answered.answer])
        lines.append(f"{answered.stage}. {_safe(question(answered.step, told, reader))} **{answer}**")
        lines.append(f"   {_code(values)}")
    lines += _tail(told, reader)
    return "\n".join(lines) + "\n"


def _filled(sentence: Message, markup: str, reader: Reader) -> str:
    """Put markup into a sentence. As one of its values it would be cut where that is long, and lose its last mark."""
    return reader.read(sentence).replace(_SLOT, markup)


def _heading(title: Message, reader: Reader) -> list[str]:
    return ["", f"## {reader.read(title)}", ""]


def _tail(told: Told, reader: Reader) -> list[str]:
    found, lines = told.diagnosis, []
    if found.also_seen:
        lines += _heading(say("Also seen"), reader)
        lines += [f"- {item.cause.code}: {_safe(reader.read(item.cause.summary))}" for item in found.also_seen]
    if found.unread:
        lines += _heading(say("Could not be told"), reader)
        lines += [f"- {_safe(item.subject)}: {_safe(reader.read(item.reason))}" for item in found.unread]
    return lines


def _proof(finding: Finding, reader: Reader) -> list[str]:
    lines = []
    for facts, places in grouped(finding.proof):
        lines += [f"- {_code(fact_text(measured, reader))}" for measured in facts]
        lines += [f"  - {_code(place.where)} {_code(place.text)}".rstrip() for place in places]
    return lines


def _fenced(told: Sequence[Line]) -> list[str]:
    """What to do as it would be copied, in a fence that nothing inside can close."""
    lines = [line.text for line in told]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *lines, fence]


def _safe(text: str) -> str:
    """Text from outside must not become markup, nor a link, nor begin a list."""
    escaped = _SPECIAL.sub(r"\\\1", text).replace("://", ":\\/\\/")
    return _STARTS.sub(
        lambda start: f"{start[1]}\\{start[2]}" if start[2] in "-+=" else f"{start[1]}{start[2]}\\", escaped
    )


def _code(text: str) -> str:
    clean = printable(text).replace("`", "'")
    return f"`{clean}`" if clean.strip() else ""
