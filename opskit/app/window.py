"""Points in time as people type them: `1h`, `yesterday`, `14:05`, `2026-11-22`, ISO 8601."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, tzinfo

from opskit.definitions.scalars import duration


def before(text: str, epoch: float) -> float | None:
    """Return the epoch seconds of so long ago, None where `text` is no duration."""
    try:
        return epoch - duration(text)
    except ValueError:
        return None


def point(text: str, now: datetime) -> float:
    """Return the epoch seconds that `text` means, in the zone of `now`.

    A duration is so long ago; `today` and `yesterday` are midnights of local days (which may have 23 or 25 hours); a
    time of day is today's. Raises ValueError that says what is understood.
    """
    if (ago := before(text, now.timestamp())) is not None:
        return ago
    zone = now.tzinfo
    days = {"now": now.timestamp(), "today": _midnight(now.date(), zone)}
    days["yesterday"] = _midnight(now.date() - timedelta(days=1), zone)
    if text in days:
        return days[text]
    at = _read(text, now.date())
    if at is None or not date.min.year < at.year < date.max.year:  # at its ends the calendar lacks times of other zones
        expected = "a duration (1h), today, yesterday, a time (14:05), a date (2026-11-22) or ISO 8601"
        raise ValueError(f"{text!r} is no point in time: expected {expected}")
    return (at if at.tzinfo else at.replace(tzinfo=zone)).timestamp()


def _read(text: str, today: date) -> datetime | None:
    try:
        if is_time_of_day(text):
            return datetime.combine(today, time.fromisoformat(text))
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date, zone: tzinfo | None) -> float:
    return datetime.combine(day, time(), tzinfo=zone).timestamp()


def is_time_of_day(text: str) -> bool:
    """Tell whether a text names no day."""
    return len(text) <= 8 and text[:1].isdigit() and ":" in text
