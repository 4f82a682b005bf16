"""How long something lasted, as a person says it."""

from __future__ import annotations

from opskit.model.message import Message, say

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def span(seconds: float) -> Message:
    """Return a length of time in the largest unit of which there are two, and the rest of it in the next."""
    whole = max(0, round(seconds))
    if whole < 2 * _MINUTE:
        return say("{n} s", n=whole)
    if whole < 2 * _HOUR:
        return say("{n} min", n=whole // _MINUTE)
    if whole < 2 * _DAY:
        return say("{n} h {m} min", n=whole // _HOUR, m=whole % _HOUR // _MINUTE)
    return say("{n} d {m} h", n=whole // _DAY, m=whole % _DAY // _HOUR)
