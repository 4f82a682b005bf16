"""How long ago something was, as a person says it. Probes tell it of logs, reports of what is kept."""

from __future__ import annotations

from opskit.model.message import Message, say

_MINUTE, _HOUR, _DAY = 60, 3600, 86400


def ago(seconds: float) -> Message:
    """A span up to now, in the largest unit of which there are two."""
    whole = max(0, int(seconds))
    if seconds < -_MINUTE:
        return say("in the future, by its own clock")
    if whole < 2 * _MINUTE:
        return say("{n} s ago", n=whole)
    if whole < 2 * _HOUR:
        return say("{n} minutes ago", n=whole // _MINUTE)
    if whole < 2 * _DAY:
        return say("{n} hours ago", n=whole // _HOUR)
    return say("{n} days ago", n=whole // _DAY)
