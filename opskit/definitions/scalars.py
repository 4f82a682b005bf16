"""The small notations inside definitions: durations, `k of n`, ranges. ValueError says what was expected."""

from __future__ import annotations

import re

from opskit.judge.range import Range
from opskit.model.check import Sustain
from opskit.model.message import say

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_SUSTAIN = re.compile(r"([0-9]{1,3}) of ([0-9]{1,3})")


def duration(text: str) -> float:
    """`30s`, `15m`, `1h`, `7d` in seconds."""
    match = _DURATION.fullmatch(text)
    if match is None or not float(match.group(1)):
        raise ValueError(say("expected a duration with its unit, such as 30s, 15m, 1h or 7d"))
    return float(match.group(1)) * _UNITS[match.group(2)]


def sustain(text: str) -> Sustain:
    """`4 of 6`."""
    match = _SUSTAIN.fullmatch(text)
    if match is None:
        raise ValueError(say("expected `k of n`, such as 4 of 6"))
    k, n = int(match.group(1)), int(match.group(2))
    if not 1 <= k <= n:
        raise ValueError(say("expected `k of n` with 1 <= k <= n"))
    return Sustain(k, n)


def range_text(text: str) -> str:
    """A Nagios range, kept as text once it is known to be valid. `%` is accepted: units are checked later."""
    return Range.parse(text, "%").text
