"""From samples and rules to a verdict. Stands between a probe's Reading and settle.

Every rule yields at least one item, and every item counts: a value that is missing or not a number makes its item
UNKNOWN, and the verdict is the worst of all items, each of which is listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from opskit.judge.deviation import Distance, distance
from opskit.judge.perfdata import decimal
from opskit.judge.range import Range
from opskit.model.check import Check, Rule
from opskit.model.message import Message, say
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.status import Status, worst
from opskit.model.text import Text
from opskit.model.verdict import Item, Verdict

Earlier = Callable[[Sample, float], Sequence[float]]
"""Earlier values of a sample's series within so many seconds before it."""


def evaluate(check: Check, reading: Reading, at: float, earlier: Earlier = lambda _sample, _over: ()) -> Verdict:
    """Judge a reading by the check's rules at time `at` (epoch seconds)."""
    if reading.unreadable is not None:
        return unknown(check, reading.unreadable, at)
    items = [item for rule in check.rules for item in _items(rule, reading, earlier)]
    items.sort(key=lambda item: -item.status.severity)
    evidence = tuple(proof for proofs in reading.evidence.values() for proof in proofs)
    state = worst(item.status for item in items)
    return Verdict(check.id, state, tuple(items), at, reading.samples, reading.notes, evidence)


def unknown(check: Check, reason: Message, at: float) -> Verdict:
    """The verdict on a check that could not look."""
    return Verdict(check.id, Status.UNKNOWN, (Item(Status.UNKNOWN, reason),), at)


def _items(rule: Rule, reading: Reading, earlier: Earlier) -> list[Item]:
    samples = [sample for sample in reading.samples if sample.metric == rule.metric]
    if not samples:
        return [] if rule.optional else [_missing(rule, rule.metric, reading)]
    return [_judge(rule, sample, reading, earlier) for sample in samples]


def _judge(rule: Rule, sample: Sample, reading: Reading, earlier: Earlier) -> Item:
    if sample.value is None or not math.isfinite(sample.value):
        return _missing(rule, series_name(sample, rule.per), reading)
    value, unit, moved = sample.value, sample.unit, None
    if rule.deviation is not None:
        moved = distance(sample.value, earlier(sample, rule.deviation.over), rule.deviation.at_least)
        if moved.percent is None:
            return Item(Status.OK, _learning(rule, sample, moved), sample)
        value, unit = moved.percent, "%"
    status, broken = _hold_against(rule, value, unit)
    if status is not Status.OK and not _confirmed(rule, sample, reading):
        status, broken = Status.OK, None
    return Item(
        status,
        _wording(rule, sample, reading, value, unit, broken, moved),
        sample,
        rule.warn,
        rule.crit,
        moved is not None,
    )


def _hold_against(rule: Rule, value: float, unit: str) -> tuple[Status, str | None]:
    """Critical first, then warning; a threshold that is not there never alerts."""
    for status, text in ((Status.CRITICAL, rule.crit), (Status.WARNING, rule.warn)):
        if text is not None and Range.parse(text, unit).alerts(value):
            return status, text
    return Status.OK, None


def _confirmed(rule: Rule, sample: Sample, reading: Reading) -> bool:
    """A rule with `confirm` counts only where the other metric of the same series is out of its range as well."""
    if rule.confirm is None:
        return True
    for other in reading.samples:
        if other.metric == rule.confirm.metric and _same_series(other.labels, sample.labels):
            known = other.value is not None and math.isfinite(other.value)
            return known and Range.parse(rule.confirm.range).alerts(other.value or 0.0)
    return True


def _same_series(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other.get(name) == value for name, value in one.items() if name in other)


def series_name(sample: Sample, per: str | None) -> str:
    """`temperature_c GPU-1234`, or the metric alone where there is one series."""
    label = sample.labels.get(per) if per else None
    return f"{sample.metric} {label}" if label else sample.metric


def _missing(rule: Rule, name: str, reading: Reading) -> Item:
    why = reading.reason(name) or reading.reason(rule.metric)
    text = say("no value for {name}: {why}", name=name, why=why) if why else say("no value for {name}", name=name)
    return Item(Status.UNKNOWN, text, None, rule.warn, rule.crit)


def _learning(rule: Rule, sample: Sample, moved: Distance) -> Message:
    needed = rule.deviation.at_least if rule.deviation else 0
    return say(
        "{name} {value}{unit}, no average yet: {known} of {needed} values",
        name=series_name(sample, rule.per),
        value=decimal(round(sample.value or 0.0, 3)),
        unit=sample.unit,
        known=moved.known,
        needed=needed,
    )


def _in_own_words(rule: Rule, words: Text, sample: Sample, reading: Reading) -> Message:
    label = sample.labels.get(rule.per or "")
    why = reading.reason(series_name(sample, rule.per)) or reading.reason(rule.metric)
    text = say("{label}: {what}", label=label, what=words) if label else say("{what}", what=words)
    return say("{text} ({why})", text=text, why=why) if why else text


def _wording(
    rule: Rule, sample: Sample, reading: Reading, value: float, unit: str, broken: str | None, moved: Distance | None
) -> Message:
    name = series_name(sample, rule.per)
    if moved is not None and moved.mean is not None:
        return say(
            "{name} {now}{unit} is {percent} % off its average of {mean}{unit}",
            name=name,
            now=decimal(round(sample.value or 0.0, 3)),
            unit=sample.unit,
            percent=decimal(round(value, 1)),
            mean=decimal(round(moved.mean, 3)),
        )
    shown = decimal(_telling(value, broken))
    if broken is None:
        return say("{name} {value}{unit}", name=name, value=shown, unit=unit)
    if rule.say is not None:
        return _in_own_words(rule, rule.say, sample, reading)
    return say("{name} {value}{unit} is outside {range}", name=name, value=shown, unit=unit, range=broken)


def _telling(value: float, broken: str | None) -> float:
    """Round for reading, but never so far that the printed number no longer shows why it alerts."""
    for digits in (1, 3, 6):
        rounded = round(value, digits)
        if broken is None or Range.parse(broken, "%").alerts(rounded):
            return rounded
    return value
