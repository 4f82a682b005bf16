"""Epoch seconds to a time of day: any number that a log may hold has one."""

from __future__ import annotations

from datetime import datetime, tzinfo

_FIRST, _LAST = -62_100_000_000.0, 253_370_000_000.0  # within the years 2 and 9998: in every zone the calendar has them


def clock_face(at: float, zone: tzinfo) -> datetime:
    """Return epoch seconds as a clock in a zone shows them; what lies outside the calendar as its first or last day."""
    return datetime.fromtimestamp(min(max(at, _FIRST), _LAST), zone)
