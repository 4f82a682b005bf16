"""A rule's ranges against one number: the state, the range that was broken, and the number as it is printed.

Evaluate asks this for every value. What is printed is rounded for reading, but never so far that it would have led to
another state than the value itself: "10.004 is outside 10", not "10 is outside 10".
"""

from __future__ import annotations

from decimal import Decimal

from opskit.judge.perfdata import decimal
from opskit.judge.range import Range
from opskit.model.check import Rule
from opskit.model.message import Message, say
from opskit.model.status import Status

_DIGITS = (1, 3, 6)


def hold_against(rule: Rule, value: float, unit: str) -> tuple[Status, str | None]:
    """Return the state and the range that alerts: critical first, and a threshold that is not there never alerts.

    Raises ValueError for a value that is no number, and for a range in percent where the metric is measured otherwise.
    """
    for status, text in ((Status.CRITICAL, rule.crit), (Status.WARNING, rule.warn)):
        if text is not None and Range.parse(text, unit).alerts(value):
            return status, text
    return Status.OK, None


def telling(rule: Rule, value: float, unit: str) -> str:
    """Return `value` for reading, with as few digits as still lead to the same state by the same range."""
    state = hold_against(rule, value, unit)
    for digits in _DIGITS:
        text = decimal(round(value, digits))
        # What more digits can show is not printed as zero.
        if hold_against(rule, float(text), unit) == state and (float(text) or not round(value, _DIGITS[-1])):
            return text
    return f"{Decimal(repr(value)):f}"


def broken_text(name: str, value: str, unit: str, broken: str) -> Message:
    """Say on which side of the range a value lies that alerts."""
    if broken.startswith("@"):
        return say("{name} {value}{unit} is inside {range}", name=name, value=value, unit=unit, range=broken[1:])
    return say("{name} {value}{unit} is outside {range}", name=name, value=value, unit=unit, range=broken)
