"""Hours of the day in which something is silent, by the clock on the wall: also where that clock is changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from opskit.model.settings import DAYS


def ends_at(moment: datetime, hours: str, days: Collection[str] = ()) -> float | None:
    """Return when the hours (`22:00-07:00`) end that `moment` lies in, in epoch seconds; None where it lies in none.

    `moment` has a zone; `days` are those on which the hours begin, none meaning all.
    """
    begin, end = (_clock(text) for text in hours.split("-"))
    for day in (moment.date() - timedelta(days=1), moment.date()):
        if days and DAYS[day.weekday()] not in days:
            continue
        until = _at(day if begin < end else day + timedelta(days=1), end, moment)
        if _at(day, begin, moment) <= moment.timestamp() < until:
            return until
    return None


def _clock(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))


def _at(day: date, clock: time, moment: datetime) -> float:
    return datetime.combine(day, clock, moment.tzinfo).timestamp()
