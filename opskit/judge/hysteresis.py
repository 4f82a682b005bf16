"""Hysteresis of thresholds: what was bad counts as bad until its value is inside the rule's `clear` range.

The result itself stays what it is; only whether a confirmed state may end is decided by it. Pure: takes the verdict of
the run before, which bears the same marks. A look that failed keeps them: not knowing ends nothing.
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

_BAD = frozenset({Status.WARNING, Status.CRITICAL})


def clears(check: Check) -> dict[str, str]:
    """Return the `clear` range of each metric that has one. Only plain thresholds have: `opskit lint` says so."""
    plain = [rule for rule in check.rules if rule.deviation is None and rule.confirm is None]
    return {rule.metric: rule.clear for rule in plain if rule.clear is not None}


def held(check: Check, verdict: Verdict, before: Verdict | None) -> Verdict:
    """Return the verdict with the series that were bad before and have not come all the way back, and its words."""
    limits, bad = clears(check), bad_series(before)
    if not limits or not bad:
        return verdict
    still = {
        _name(item.sample): bad[_name(item.sample)]
        for item in verdict.items
        if item.sample is not None and _lingers(item, item.sample, limits) and _name(item.sample) in bad
    }
    items = [_worded(item, limits, still) for item in verdict.items]
    items.sort(key=lambda item: (-item.status.severity, item.sample is None or _name(item.sample) not in still))
    if verdict.status is Status.UNKNOWN:
        seen = {_name(item.sample) for item in verdict.items if item.sample is not None}
        still = {name: status for name, status in bad.items() if name not in seen} | still
    return msgspec.structs.replace(verdict, items=tuple(items), held=still)


def bad_series(verdict: Verdict | None) -> dict[str, Status]:
    """Return what each series is that is bad, or held to be so."""
    if verdict is None:
        return {}
    found = [(item.sample, item.status) for item in verdict.items if item.status in _BAD]
    return {**verdict.held, **{_name(sample): status for sample, status in found if sample is not None}}


def _lingers(item: Item, sample: Sample, limits: Mapping[str, str]) -> bool:
    """Whether a value is good by its threshold and no more than that."""
    if item.status is not Status.OK or sample.value is None or sample.metric not in limits:
        return False
    return Range.parse(limits[sample.metric], sample.unit).alerts(sample.value)


def _worded(item: Item, limits: Mapping[str, str], still: Mapping[str, Status]) -> Item:
    if item.sample is None or _name(item.sample) not in still:
        return item
    text = say("{text}, not yet well: that begins at {range}", text=item.text, range=limits[item.sample.metric])
    return msgspec.structs.replace(item, text=text)


def _name(sample: Sample) -> str:
    return " ".join([sample.metric, *(f"{key}={value}" for key, value in sorted(sample.labels.items()))])
