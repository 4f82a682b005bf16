"""A diagnosis inside of a notice: the cause, its proof and its remedy, for a person and for a program.

What was asked on the way there is left out: `opskit triage --last` shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.report.proof import proof_lines
from opskit.report.told import Told
from opskit.report.triage_json import triage_json
from opskit.report.triage_text import ending, headline, remedy_lines

_KEPT = ("verdict", "playbook", "at", "seconds", "cause", "evidence")


def told_lines(told: Told, reader: Reader) -> Iterator[str]:
    """Yield the lines."""
    found = told.diagnosis
    when = say("What triage found at {when}:", when=reader.stamp(told.at))
    yield reader.read(when)
    yield f"  {headline(told, reader)}"
    if found.finding is None:
        yield f"  {reader.read(ending(found))}"
    else:
        yield f"  {reader.read(found.finding.cause.summary)}"
        yield from _section(reader.read(say("Proof")), proof_lines(found.finding.proof, reader))
        remedy = [line.text for line in remedy_lines(found.finding, reader)]
        yield from _section(reader.read(say("What to do")), remedy)
    also = [f"{finding.cause.code}  {reader.read(finding.cause.summary)}" for finding in found.also_seen]
    yield from _section(reader.read(say("Also seen")), also)
    if found.unread:
        yield ""
        dark = ", ".join(dict.fromkeys(item.subject for item in found.unread))
        yield "  " + reader.read(say("Could not be told: {subjects}", subjects=dark))
    yield ""
    yield "  " + reader.read(say("Every step of it: opskit triage --last {playbook}", playbook=found.playbook))


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield f"  {title}"
        yield from (f"    {line}" for line in lines)


def told_facts(told: Told, reader: Reader) -> dict[str, Any]:
    """Return what a program wants of it: keys as in `opskit triage --json`, and the codes of what was also seen."""
    whole = triage_json(told, reader)
    return {**{key: whole[key] for key in _KEPT}, "also_seen": [cause["code"] for cause in whole["also_seen"]]}
