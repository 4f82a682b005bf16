"""From samples and rules to a verdict. Stands between a probe's Reading and settle.

Every rule yields at least one item, and every item counts: a value that is missing or not a number makes its item
UNKNOWN, and the verdict is the worst of all items, each of which is listed. Nothing measured at all is UNKNOWN too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import msgspec

from opskit.judge.deviation import Distance, distance
from opskit.judge.perfdata import decimal
from opskit.judge.range import Range
from opskit.judge.threshold import broken_text, hold_against, telling
from opskit.model.check import Check, Confirm, Rule
from opskit.model.message import Message, say
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.status import Status, worst
from opskit.model.text import Text
from opskit.model.verdict import Item, Verdict

Earlier = Callable[[Sample, float], Sequence[tuple[float, float]]]
"""Earlier values of a sample's series within so many seconds before it: pairs of time and value, times rising."""
_TRUE = "1:"
"""The range of what is so or is not: there the words say it all."""
_NO_VALUE = say("no value for {name}: {why}", name="", why="")


def evaluate(check: Check, reading: Reading, at: float, earlier: Earlier = lambda _sample, _over: ()) -> Verdict:
    """Judge a reading by the check's rules at time `at` (epoch seconds)."""
    if reading.unreadable is not None:
        return unknown(check, reading.unreadable, at, late=reading.late)
    ruled = [item for rule in check.rules for item in _items(rule, reading, earlier, check.every)]
    items = [*reading.judged, *_told_once(ruled)]
    if not items:
        # Every rule was about something optional, and none of it is there.
        items = [Item(Status.UNKNOWN, say("nothing was measured that the check could judge"))]
    items.sort(key=lambda item: -item.status.severity)
    evidence = tuple(proof for proofs in reading.evidence.values() for proof in proofs)
    state = worst(item.status for item in items)
    return Verdict(check.id, state, tuple(items), at, reading.samples, reading.notes, evidence)


def unknown(check: Check, reason: Message, at: float, *, late: bool = False) -> Verdict:
    """The verdict on a check that could not look."""
    return Verdict(check.id, Status.UNKNOWN, (Item(Status.UNKNOWN, reason),), at, late=late)


def _items(rule: Rule, reading: Reading, earlier: Earlier, every: float) -> list[Item]:
    samples = [sample for sample in reading.samples if sample.metric == rule.metric]
    if not samples:
        return [] if rule.optional else [_missing(rule, rule.metric, reading)]
    return [_judge(rule, sample, reading, earlier, every) for sample in samples]


def _told_once(items: list[Item]) -> list[Item]:
    """Values that are missing for one and the same reason are one item, at the place of the first of them."""
    told: dict[str | int, Item] = {}
    for number, item in enumerate(items):
        text = item.text
        missing = item.sample is None and text.template == _NO_VALUE.template
        key = str(text.args["why"]) if missing else number
        first = told.get(key)
        if first is None:
            told[key] = item
        else:
            names = f"{first.text.args['name']}, {text.args['name']}"
            told[key] = Item(item.status, Message(text.template, {**text.args, "name": names}))
    return list(told.values())


def _judge(rule: Rule, sample: Sample, reading: Reading, earlier: Earlier, every: float) -> Item:
    if sample.value is None or not math.isfinite(sample.value):
        return _missing(rule, series_name(sample, rule.per), reading)
    try:
        if rule.deviation is None:
            return _absolute(rule, sample, sample.value, reading)
        known = [value for _at, value in earlier(sample, rule.deviation.over)]
        moved = distance(sample.value, known, rule.deviation.at_least)
        item = _relative(rule, sample, sample.value, moved, reading)
        if rule.deviation.sustained:
            from opskit.judge.usual import MEMORY_S, limits_of, unless_usual  # few rules ask

            item = unless_usual(item, earlier(sample, MEMORY_S), limits_of(every, rule.deviation.floor))
        return _headed(rule, item)
    except ValueError as error:
        # A range that does not fit the metric's unit: only now is the unit known. The rule is wrong, not the subject.
        name = series_name(sample, rule.per)
        return Item(Status.UNKNOWN, say("{name} cannot be judged: {why}", name=name, why=str(error)), sample)


def _absolute(rule: Rule, sample: Sample, value: float, reading: Reading) -> Item:
    name, shown = series_name(sample, rule.per), telling(rule, value, sample.unit)
    status, broken = hold_against(rule, value, sample.unit)
    if broken is None:
        text = say("{name} {value}{unit}", name=name, value=shown, unit=sample.unit)
    else:
        status, text = _seconded(rule, sample, reading, status, broken_text(name, shown, sample.unit, broken))
        if rule.say is not None and status.severity and status is not Status.UNKNOWN:
            figure = say("{name} {value}{unit}", name=rule.metric, value=shown, unit=sample.unit)
            text = _in_own_words(rule, rule.say, sample, reading, figure if broken != _TRUE else None)
    return Item(status, text, sample, rule.warn, rule.crit)


def _relative(rule: Rule, sample: Sample, value: float, moved: Distance, reading: Reading) -> Item:
    if moved.percent is None or moved.mean is None:
        return _no_distance(rule, sample, value, moved)
    status, broken = hold_against(rule, moved.percent, "%")
    text = say(
        "{name} {now}{unit} is off its average of {mean}{unit} by {percent} %",
        name=series_name(sample, rule.per),
        now=decimal(round(value, 3)),
        unit=sample.unit,
        percent=telling(rule, moved.percent, "%"),
        mean=decimal(round(moved.mean, 3)),
    )
    if broken is not None:
        status, text = _seconded(rule, sample, reading, status, text)
    return Item(status, text, sample, rule.warn, rule.crit, relative=True)


def _headed(rule: Rule, item: Item) -> Item:
    """Put the rule's own words before the figures of a deviation that counts."""
    if rule.say is None or item.sample is None or item.status not in {Status.WARNING, Status.CRITICAL}:
        return item
    label = item.sample.labels.get(rule.per or "")
    words = say("{label}: {what}", label=label, what=rule.say) if label else say("{what}", what=rule.say)
    return msgspec.structs.replace(item, text=say("{text} ({why})", text=words, why=item.text))


def _no_distance(rule: Rule, sample: Sample, value: float, moved: Distance) -> Item:
    """Too few values are a beginning and no fault; an average of zero or less is something that cannot be told."""
    name, now = series_name(sample, rule.per), decimal(round(value, 3))
    if moved.mean is not None:
        mean = str(moved.mean)
        text = say(
            "{name} {value}{unit} has no distance to an average of {mean}",
            name=name,
            value=now,
            unit=sample.unit,
            mean=mean,
        )
        return Item(Status.UNKNOWN, text, sample, rule.warn, rule.crit, relative=True)
    text = say(
        "{name} {value}{unit}, no average yet: {known} of {needed} values",
        name=name,
        value=now,
        unit=sample.unit,
        known=moved.known,
        needed=rule.deviation.at_least if rule.deviation else 0,
    )
    return Item(Status.OK, text, sample)


def _seconded(rule: Rule, sample: Sample, reading: Reading, status: Status, text: Message) -> tuple[Status, Message]:
    """A rule with `confirm` counts only where the other metric of the same series is out of its range as well."""
    if rule.confirm is None:
        return status, text
    others = _others(rule.confirm, sample, reading)
    limits = Range.parse(rule.confirm.range, others[0].unit if others else "%")
    known = [other for other in others if other.value is not None and math.isfinite(other.value)]
    if any(limits.alerts(other.value or 0.0) for other in known):
        return status, text
    if len(known) < len(others) or not others:
        # It may count or may not: that is not known, so neither is the state.
        return Status.UNKNOWN, say("{text}, but there is no value for {other}", text=text, other=rule.confirm.metric)
    why = reading.reason(series_name(known[0], rule.per)) or reading.reason(rule.confirm.metric)
    if why is not None:
        return Status.OK, say("{text}, which does not count: {why}", text=text, why=why)
    amount = telling(Rule(rule.confirm.metric, warn=rule.confirm.range), known[0].value or 0.0, known[0].unit)
    calm = say(
        "{text}, which does not count while {other} is {amount}",
        text=text,
        other=rule.confirm.metric,
        amount=amount + known[0].unit,
    )
    return Status.OK, calm


def _others(confirm: Confirm, sample: Sample, reading: Reading) -> list[Sample]:
    return [
        other
        for other in reading.samples
        if other.metric == confirm.metric and _same_series(other.labels, sample.labels)
    ]


def _same_series(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(other.get(name) == value for name, value in one.items() if name in other)


def series_name(sample: Sample, per: str | None) -> str:
    """`temperature_c GPU-1234`, or the metric alone where there is one series."""
    label = sample.labels.get(per) if per else None
    return f"{sample.metric} {label}" if label else sample.metric


def _missing(rule: Rule, name: str, reading: Reading) -> Item:
    why = reading.reason(name) or reading.reason(rule.metric)
    text = Message(_NO_VALUE.template, {"name": name, "why": why}) if why else say("no value for {name}", name=name)
    return Item(Status.UNKNOWN, text, None, rule.warn, rule.crit)


def _in_own_words(rule: Rule, words: Text, sample: Sample, reading: Reading, figure: Message | None) -> Message:
    label = sample.labels.get(rule.per or "")
    why = reading.reason(series_name(sample, rule.per)) or reading.reason(rule.metric) or figure
    text = say("{label}: {what}", label=label, what=words) if label else say("{what}", what=words)
    return say("{text} ({why})", text=text, why=why) if why else text
