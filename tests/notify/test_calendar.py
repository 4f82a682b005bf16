"""Hours of the day by the clock on the wall."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from opskit.notify.calendar import ends_at

BERLIN = ZoneInfo("Europe/Berlin")


def ends(when: str, hours: str, days: tuple[str, ...] = ()) -> str | None:
    until = ends_at(datetime.fromisoformat(when).replace(tzinfo=BERLIN), hours, days)
    return None if until is None else datetime.fromtimestamp(until, BERLIN).isoformat()[:16]


@pytest.mark.parametrize(
    ("when", "hours", "expected"),
    [
        ("2026-11-28T12:00", "11:00-13:00", "2026-11-28T13:00"),
        ("2026-11-28T11:00", "11:00-13:00", "2026-11-28T13:00"),
        ("2026-11-28T13:00", "11:00-13:00", None),
        ("2026-11-28T10:59", "11:00-13:00", None),
        ("2026-11-28T23:00", "22:00-07:00", "2026-11-29T07:00"),
        ("2026-11-28T06:59", "22:00-07:00", "2026-11-28T07:00"),
        ("2026-11-28T07:00", "22:00-07:00", None),
        # the night of which one hour is left out, and the one that has one hour twice
        ("2026-03-29T01:30", "22:00-07:00", "2026-03-29T07:00"),
        ("2026-10-25T01:30", "22:00-07:00", "2026-10-25T07:00"),
        ("2026-03-29T01:59", "02:30-03:30", None),
    ],
)
def test_the_end_of_the_hours_that_a_moment_lies_in(when: str, hours: str, expected: str | None):
    assert ends(when, hours) == expected


def test_days_are_those_of_the_beginning():
    # 28 November 2026 is a Saturday
    assert ends("2026-11-29T03:00", "22:00-07:00", ("sat",)) == "2026-11-29T07:00"
    assert ends("2026-11-29T23:00", "22:00-07:00", ("sat",)) is None
    assert ends("2026-11-28T03:00", "22:00-07:00", ("sat",)) is None
