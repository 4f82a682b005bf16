"""Outcomes of checks for a person: one line a check, worst first, and below it what else is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from opskit.model.check import Check
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.report.check_details import more_lines, why_lines

Shown = tuple[Check, Verdict, State | None]
_WORD = 8  # CRITICAL


def check_text(outcomes: Sequence[Shown], reader: Reader, verbosity: int = 0) -> str:
    """Return the whole report, without a final line end."""
    width = max((len(check.id) for check, _, _ in outcomes), default=0)
    ranked = sorted(outcomes, key=lambda shown: (-shown[1].status.severity, shown[0].id))
    lines = [line for shown in ranked for line in _lines(shown, width, reader, verbosity)]
    return "\n".join([*lines, _total(outcomes, reader)])


def _lines(shown: Shown, width: int, reader: Reader, verbosity: int) -> list[str]:
    check, verdict, state = shown
    margin = " " * (_WORD + 2 + width + 2)
    headline = reader.read(verdict.items[0].text) if verdict.items else ""
    if verdict.status is Status.OK:
        headline = f"{reader.read(check.summary)} ({_telling(verdict, reader)})"
    if state is not None and state.soft and verdict.status in {Status.WARNING, Status.CRITICAL}:
        headline += " " + reader.read(_not_confirmed(check, state))
    lines = [f"{verdict.status.name:<{_WORD}}  {check.id:<{width}}  {headline}"]
    lines += [
        f"{margin}{item.status.name}: {reader.read(item.text)}"
        for item in verdict.items[1:]
        if item.status is not Status.OK
    ]
    lines += [f"{margin}{reader.read(note)}" for note in verdict.notes]
    lines += [margin + line for line in why_lines(check, verdict, reader)]
    lines += [margin + line for line in more_lines(check, verdict, verbosity, reader)]
    return lines


def _telling(verdict: Verdict, reader: Reader) -> str:
    """The last rule of a check is the one whose numbers say most while all is well."""
    last = verdict.items[-1].sample
    if last is None:
        return reader.read(verdict.items[-1].text)
    same = [item for item in verdict.items if item.sample and item.sample.metric == last.metric]
    # A metric may stand in two rules: as what decides, and as what is told.
    return ", ".join([*dict.fromkeys(reader.read(item.text) for item in same)][:3])


def _not_confirmed(check: Check, state: State) -> Message:
    bad = sum(status is state.seen for status in state.recent)
    return say("[not confirmed: {bad} of the {k} that count]", bad=bad, k=check.sustain.k)


def _total(outcomes: Sequence[Shown], reader: Reader) -> str:
    counts = {
        status: sum(verdict.status is status for _, verdict, _ in outcomes)
        for status in (Status.CRITICAL, Status.WARNING, Status.UNKNOWN, Status.OK)
    }
    listed = ", ".join(f"{count} {status.name}" for status, count in counts.items() if count)
    return reader.read(say("{n} checks: {listed}", n=len(outcomes), listed=listed or "-"))
