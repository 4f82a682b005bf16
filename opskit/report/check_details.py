"""What `-v` adds to a check: where its values were read; with `-vv` also how they were judged."""

from __future__ import annotations

from collections.abc import Iterator

from opskit.judge.perfdata import decimal
from opskit.model.check import Check, Rule
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.model.verdict import Verdict

_PLACES = 20
_WIDTH = 300


def why_lines(check: Check, verdict: Verdict, reader: Reader) -> list[str]:
    """Return the way from a check that fires to the cause."""
    if check.playbook is None or verdict.status not in {Status.WARNING, Status.CRITICAL}:
        return []
    return [reader.read(say("the cause: opskit triage {playbook}", playbook=check.playbook))]


def more_lines(check: Check, verdict: Verdict, verbosity: int, reader: Reader) -> list[str]:
    """Return the lines that this verbosity adds; none for 0."""
    places = list(dict.fromkeys(_place(where.where, where.text) for where in verdict.evidence)) if verbosity else []
    lines = [reader.read(say("read: {place}", place=place)) for place in places[:_PLACES]]
    if len(places) > _PLACES:
        lines.append(reader.read(say("... {n} more lines", n=len(places) - _PLACES)))
    return lines + ([reader.read(text) for text in judging(check)] if verbosity > 1 else [])


def _place(where: str, text: str) -> str:
    return printable(f"{where}  {text}" if text else where, _WIDTH)


def judging(check: Check) -> Iterator[Message]:
    """Yield how a check measures and by what rules it judges."""
    arguments = ", ".join(f"{name}={value}" for name, value in sorted(check.args.items())) or "-"
    yield say(
        "probe {probe} ({arguments}), at most {seconds} s, defined in {source}",
        probe=", ".join((check.probe, *check.also)),
        arguments=printable(arguments, _WIDTH),
        seconds=decimal(check.timeout),
        source=check.source or "-",
    )
    for rule in check.rules:
        yield say("rule: {metric} {limits}", metric=rule.metric, limits=limits_text(rule))


def limits_text(rule: Rule) -> str:
    """Return what a rule holds a metric against."""
    ranges = (("warn", rule.warn), ("crit", rule.crit), ("clear", rule.clear), ("per", rule.per))
    words = [f"{name} {value}" for name, value in ranges if value]
    words += [f"confirm {rule.confirm.metric} {rule.confirm.range}"] if rule.confirm else []
    words += [f"deviation over {decimal(rule.deviation.over / 86400)} d"] if rule.deviation else []
    return ", ".join([*words, *(["optional"] if rule.optional else [])])
