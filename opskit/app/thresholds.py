"""Thresholds from the command line, as every Nagios plugin takes them: `-w 80`, or `-w memory_used_pct=80`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from opskit.definitions.scalars import range_text
from opskit.model.check import Check

Level = Literal["warn", "crit"]


def with_thresholds(check: Check, given: Sequence[tuple[Level, str]]) -> Check:
    """Return the check with other ranges: of the named metric's rules, without a name of its last rule.

    The last rule of a check is about what the check is named after. Raises ValueError that says what was expected.
    """
    rules = list(check.rules)
    if not rules:
        raise ValueError(f"{check.id} has no rules: its probe brings a state and thresholds of its own")
    for level, text in given:
        metric, equals, limits = text.rpartition("=")
        wanted = metric if equals else rules[-1].metric
        places = [index for index, rule in enumerate(rules) if rule.metric == wanted]
        if not places:
            known = ", ".join(dict.fromkeys(rule.metric for rule in rules))
            raise ValueError(f"{check.id} has no rule about '{wanted}', expected one of {known}")
        for index in places if equals else places[-1:]:
            rules[index] = msgspec.structs.replace(rules[index], **{level: range_text(limits)})
    return msgspec.structs.replace(check, rules=tuple(rules))
