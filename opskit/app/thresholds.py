"""Thresholds from the command line, as every Nagios plugin takes them: `-w 80`, or `-w memory_used_pct=80`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from opskit.definitions.scalars import range_text
from opskit.model.check import Check, Rule

Level = Literal["warn", "crit"]


def with_thresholds(check: Check, given: Sequence[tuple[Level, str]]) -> Check:
    """Return the check with other ranges: of the named metric's rules, without a name of its last rule.

    The last rule of a check is about what the check is named after. A range is one of values; with a percent sign, and
    where there are rules about how far a metric is off its average, it is theirs. A metric that has no other rules gets
    one for its value. Raises ValueError that says what was expected.
    """
    rules = list(check.rules)
    if not rules:
        raise ValueError(f"{check.id} has no rules: its probe brings a state and thresholds of its own")
    main = rules[-1].metric
    for level, text in given:
        metric, equals, limits = text.rpartition("=")
        wanted, limits = metric if equals else main, limits.strip()
        about = [index for index, rule in enumerate(rules) if rule.metric == wanted]
        if not about:
            known = ", ".join(dict.fromkeys(rule.metric for rule in rules))
            raise ValueError(f"{check.id} has no rule about '{wanted}', expected one of {known}")
        relative = limits.endswith("%") and any(rules[index].deviation for index in about)
        places = [index for index in about if (rules[index].deviation is not None) is relative]
        if not places:
            rules.append(Rule(wanted, per=rules[about[-1]].per, optional=True))
            places = [len(rules) - 1]
        for index in places if equals else places[-1:]:
            rules[index] = msgspec.structs.replace(rules[index], **{level: _range(limits, relative=relative)})
    return msgspec.structs.replace(check, rules=tuple(rules))


def _range(limits: str, *, relative: bool) -> str:
    """A share alone means so much above the average: what is below it is no trouble."""
    if not relative:
        return range_text(limits)
    plain = limits.removesuffix("%")
    if "%" in plain:
        raise ValueError(f"{limits!r}: one percent sign is enough, at the end")
    text = range_text(plain)
    return text if ":" in text or text.startswith("@") else range_text(f"~:{text}")
