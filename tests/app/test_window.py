"""Points in time as people type them."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from opskit.app.window import is_time_of_day, point

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 14, 5, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h", datetime(2026, 11, 23, 13, 5, tzinfo=BERLIN)),
        ("7d", datetime(2026, 11, 16, 14, 5, tzinfo=BERLIN)),
        ("today", datetime(2026, 11, 23, tzinfo=BERLIN)),
        ("yesterday", datetime(2026, 11, 22, tzinfo=BERLIN)),
        ("14:00", datetime(2026, 11, 23, 14, 0, tzinfo=BERLIN)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=BERLIN)),
        ("2026-11-01T10:00:00Z", datetime(2026, 11, 1, 11, tzinfo=BERLIN)),
        ("now", NOW),
    ],
)
def test_a_point_is_found_in_the_local_zone(text, expected):
    assert point(text, NOW) == expected.timestamp()


def test_yesterday_after_the_clocks_went_back_is_25_hours_long():
    monday = datetime(2026, 10, 26, 9, tzinfo=BERLIN)
    assert point("today", monday) - point("yesterday", monday) == 25 * 3600


@pytest.mark.parametrize("text", ["", "soon", "25:00", "1", "-1h", "2026-13-01", "1h ago", "٣h", "0001-01-01"])
def test_anything_else_is_refused_with_what_is_understood(text):
    with pytest.raises(ValueError, match="expected a duration"):
        point(text, NOW)


@pytest.mark.parametrize("text", ["14:05", "2:30", "14:05:59"])
def test_a_time_of_day_is_told_from_a_date(text):
    assert is_time_of_day(text)
    assert not is_time_of_day(f"2026-11-22T{text}")
