"""A check for a person: what it measures and why, what it said last, and what its thresholds did with the last days."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from opskit.judge.perfdata import decimal
from opskit.model.check import Check, Rule
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.report.check_details import judging, limits_text
from opskit.report.wrapping import wrapped

_SHOWN = 20
_WIDTH = 100


class Values(msgspec.Struct, frozen=True):
    """One rule's values: how many, the least and the most, and how many were outside its ranges."""

    rule: Rule
    unit: str
    known: int
    least: float | None
    most: float | None
    outside: int


class Alert(msgspec.Struct, frozen=True):
    """A confirmed fault from `at` to `until` (epoch seconds), None where it lasts; `status` is the worst it came to.

    `series` names the one that was slower than usual, and is empty for the check as a whole.
    """

    at: float
    until: float | None
    status: Status
    series: str = ""


class Explained(msgspec.Struct, frozen=True):
    """The check, its newest verdict, and the last `days`: runs with values, what they were, and what they led to."""

    check: Check
    latest: Verdict | None
    days: int
    runs: int
    values: tuple[Values, ...]
    alerts: tuple[Alert, ...]


def explain_text(found: Explained, reader: Reader) -> str:
    """Return the text, without a final line end."""
    check = found.check
    lines = [f"{check.id}: {reader.read(check.summary)}", *_hung("  ", reader.read(check.why)), ""]
    lines += [f"  {reader.read(text)}" for text in (*_when(check), *judging(check))]
    lines += ["", *_now(found, reader), "", *_past(found, reader), *_meaning(found, reader)]
    return "\n".join(lines)


def _when(check: Check) -> Iterator[Message]:
    yield say(
        "every {minutes} minutes; confirmed by {k} of {n} results",
        minutes=decimal(round(check.every / 60, 2)),
        k=check.sustain.k,
        n=check.sustain.n,
    )


def _meaning(found: Explained, reader: Reader) -> Iterator[str]:
    """What the states mean, with a mark at the one it is in, and what to do."""
    states = found.check.states
    if states is not None:
        yield from ("", reader.read(say("what the states mean:")))
        now = found.latest.status if found.latest else None
        for status in Status:
            text = getattr(states, status.name.lower())
            mark = ">" if status is now else " "
            yield from _hung(f"{mark} {status.name:<8}  ", reader.read(text)) if text else ()
    if found.check.todo is not None:
        yield from ("", reader.read(say("what to do:")), *_hung("  ", reader.read(found.check.todo)))


def _hung(head: str, text: str) -> list[str]:
    """Return a text in lines, those after the first below its beginning."""
    first, *rest = wrapped(text, _WIDTH - len(head))
    return [head + first, *(" " * len(head) + line for line in rest)]


def _now(found: Explained, reader: Reader) -> Iterator[str]:
    if found.latest is None:
        yield reader.read(say("never ran"))
        return
    yield reader.read(say("at {at} it said {state}:", at=reader.stamp(found.latest.at), state=found.latest.status.name))
    yield from (f"  {item.status.name}: {reader.read(item.text)}" for item in found.latest.items)


def _past(found: Explained, reader: Reader) -> Iterator[str]:
    if not found.runs:
        yield reader.read(say("nothing is remembered of the last {days} days", days=found.days))
        return
    yield reader.read(say("the last {days} days, {runs} runs with values:", days=found.days, runs=found.runs))
    for values in found.values:
        yield f"  {reader.read(_range(values))}"
    if any(rule.deviation and not rule.deviation.sustained for rule in found.check.rules):
        yield "  " + reader.read(say("rules about a single deviation rest on what was known then, and are left out"))
    yield reader.read(say("with these thresholds it would have alerted {n} times", n=len(found.alerts)))
    for alert in found.alerts[-_SHOWN:]:
        until = reader.read(say("until now")) if alert.until is None else reader.stamp(alert.until)
        yield f"  {alert.status.name:8}  {reader.stamp(alert.at)}  {until}  {alert.series}".rstrip()


def _range(values: Values) -> Message:
    limits = limits_text(values.rule)
    if values.least is None or values.most is None:
        return say("{metric} ({limits}): no values", metric=values.rule.metric, limits=limits)
    return say(
        "{metric} ({limits}): {known} values from {least}{unit} to {most}{unit}, {outside} outside",
        metric=values.rule.metric,
        limits=limits,
        known=values.known,
        least=decimal(round(values.least, 3)),
        most=decimal(round(values.most, 3)),
        unit=values.unit,
        outside=values.outside,
    )
