"""Times as `opskit.yaml` writes them. Each function says what is wrong with a value, None where nothing is."""

from __future__ import annotations

from collections.abc import Iterator

from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.model.settings import DAYS, NotifySettings

_CLOCK = regex(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_DAY_S = 86_400


def clock(value: str) -> Message | None:
    """A time of day."""
    return None if _CLOCK.fullmatch(value) else say("expected a time of day as HH:MM, such as 08:00")


def hours(value: str) -> Message | None:
    """A part of the day."""
    begin, _, end = value.partition("-")
    good = _CLOCK.fullmatch(begin) and _CLOCK.fullmatch(end) and begin != end
    return None if good else say("expected a time of the day as HH:MM-HH:MM, such as 22:00-07:00")


def span(value: float) -> Message | None:
    """Seconds, up to a day."""
    return None if 0 <= value <= _DAY_S else say("expected seconds, at most a day")


def long_span(value: float) -> Message | None:
    """Seconds, up to a week."""
    return None if 60 <= value <= 7 * _DAY_S else say("expected seconds, from a minute to a week")


def number(value: int) -> Message | None:
    """How many an hour."""
    return None if 1 <= value <= 1000 else say("expected a number, 1 to 1000")


def silent(notify: NotifySettings) -> Iterator[tuple[str, Message]]:
    """Yield what is wrong with quiet hours and downtimes."""
    for state in notify.quiet_hours:
        if state not in {"unknown", "warning", "critical"}:
            yield "notify.quiet_hours", say("expected one of {choices}", choices="unknown, warning, critical")
    for number, downtime in enumerate(notify.downtimes):
        wrong = hours(downtime.hours)
        if wrong is not None:
            yield f"notify.downtimes[{number}].hours", wrong
        if not set(downtime.days) <= set(DAYS):
            yield f"notify.downtimes[{number}].days", say("expected some of {choices}", choices=", ".join(DAYS))
