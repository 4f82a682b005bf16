"""Hysteresis of thresholds: what was bad counts as bad until its value is inside the rule's `clear` range.

The result itself stays what it is; only whether a confirmed state may end is decided by it. Pure: takes the verdict of
the run before, in which the same mark says that the value had not come all the way back then either.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from opskit.judge.range import Range
from opskit.model.check import Check
from opskit.model.message import say
from opskit.model.sample import Sample
from opskit.model.status import Status
from opskit.model.verdict import Item, Verdict

Key = tuple[str, tuple[tuple[str, str], ...]]


def clears(check: Check) -> dict[str, str]:
    """Return the `clear` range of each metric that has one. Only plain thresholds have: `opskit lint` says so."""
    plain = [rule for rule in check.rules if rule.deviation is None and rule.confirm is None]
    return {rule.metric: rule.clear for rule in plain if rule.clear is not None}


def held(check: Check, verdict: Verdict, before: Verdict | None) -> Verdict:
    """Return the verdict with the items marked that were bad before and have not come all the way back."""
    limits = clears(check)
    bad = _bad(before, limits) if before is not None else {}
    if not bad:
        return verdict
    items = [_marked(item, limits, bad) for item in verdict.items]
    items.sort(key=lambda item: (-item.status.severity, item.held is None))
    return msgspec.structs.replace(verdict, items=tuple(items))


def _bad(before: Verdict, limits: Mapping[str, str]) -> dict[Key, Status]:
    """Return what each series was that was bad, or was held to be so."""
    found = dict[Key, Status]()
    for item in before.items:
        status = item.held or item.status
        if item.sample is not None and item.sample.metric in limits and status in {Status.WARNING, Status.CRITICAL}:
            found[_key(item.sample)] = status
    return found


def _marked(item: Item, limits: Mapping[str, str], bad: Mapping[Key, Status]) -> Item:
    sample = item.sample
    if sample is None or sample.value is None or item.status is not Status.OK or _key(sample) not in bad:
        return item
    limit = limits[sample.metric]
    if not Range.parse(limit, sample.unit).alerts(sample.value):
        return item
    text = say("{text}, not yet well: that begins at {range}", text=item.text, range=limit)
    return msgspec.structs.replace(item, held=bad[_key(sample)], text=text)


def _key(sample: Sample) -> Key:
    return sample.metric, tuple(sorted(sample.labels.items()))
