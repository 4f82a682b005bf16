"""Times come out exact: zones, summer time, month names, Go durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs import stamp

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 31))  # noqa: DTZ001 - hypothesis wants naive bounds
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(MOMENTS, OFFSETS)
def test_a_common_log_time_is_read_back_exactly(moment: datetime, zone: timezone) -> None:
    aware = moment.replace(tzinfo=zone, microsecond=0)
    assert stamp.clf(aware.strftime("%d/%b/%Y:%H:%M:%S %z").encode()) == aware.timestamp()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"22/Nov/2026:13:00:01",
        b"31/Feb/2026:13:00:01 +0800",
        b"22/Dez/2026:13:00:01 +0800",
        b"22/Nov/2026:25:00:01 +0000",
        b"+2/Nov/2026:13:00:01 +0800",
        b"22/Nov/2026:13:00:01 +0899",
        b"22/nov/2026:13:00:01 +0800",
    ],
)
def test_what_is_no_common_log_time_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"common log time|day|hour"):
        stamp.clf(text)


@given(MOMENTS, OFFSETS)
def test_an_iso_time_with_zone_is_read_back(moment: datetime, zone: timezone) -> None:
    aware = moment.replace(tzinfo=zone)
    assert stamp.iso(aware.isoformat()) == pytest.approx(aware.timestamp(), abs=2e-6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T13:00:01Z", 1795352401.0),
        ("2026-11-22 13:00:01 UTC", 1795352401.0),
        ("2026-11-22T21:00:01.123456789+08:00", 1795352401.123456789),
        ("2026-11-22T21:00:01,5+0800", 1795352401.5),
        ("2026-11-22T13:00:01", None),
        ("2026-11-22", None),
        ("2026-13-22T13:00:01Z", None),
        ("2026-11-22T13:00:01+99:00", None),
        ("0000-11-22T13:00:01Z", None),
        ("nonsense", None),
    ],
)
def test_iso_forms_of_the_wild(text: str, expected: float | None) -> None:
    assert stamp.iso(text) == (pytest.approx(expected) if expected else None)


def test_a_time_without_zone_follows_summer_time() -> None:
    assert stamp.iso("2026-07-01T12:00:00", BERLIN) == datetime(2026, 7, 1, 10, tzinfo=UTC).timestamp()
    assert stamp.iso("2026-12-01T12:00:00", BERLIN) == datetime(2026, 12, 1, 11, tzinfo=UTC).timestamp()


def test_the_repeated_hour_means_its_first_half() -> None:
    assert stamp.gin("2026/10/25 - 02:30:00", BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()


@pytest.mark.parametrize("text", ["2026/02/30 - 00:00:00", "2026-02-03 - 00:00:00", "", "2026/02/03"])
def test_a_gin_time_that_does_not_exist_is_none(text: str) -> None:
    assert stamp.gin(text, UTC) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("16.724µs", 16.724e-6),
        ("16.724\u03bcs", 16.724e-6),
        ("704.668383ms", 0.704668383),
        ("1m10s", 70.0),
        ("0s", 0.0),
        ("1h24m39s", 5079.0),
        ("12ns", 12e-9),
        ("-1.5s", -1.5),
        ("38.0834337s", 38.0834337),
    ],
)
def test_go_durations(text: str, seconds: float) -> None:
    assert stamp.go_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "1", "1x", "1m 10s", "m1", "1ss1", "--1s", "1e5s", "９s"])
def test_what_is_no_go_duration_is_none(text: str) -> None:
    assert stamp.go_duration(text) is None


def test_a_slog_line_names_its_time() -> None:
    assert stamp.slog('time=2026-11-22T21:00:01.000+08:00 level=INFO msg="x"') == 1795352401.0
    assert stamp.slog("level=INFO time=2026") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Nov 22 13:00:01", datetime(2026, 11, 22, 13, 0, 1, tzinfo=UTC)),
        ("11月 22 13:00:01", datetime(2026, 11, 22, 13, 0, 1, tzinfo=UTC)),
        ("Dec 31 23:59:59", datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("Feb 29 00:00:00", None),
        ("Foo 1 00:00:00", None),
    ],
)
def test_a_syslog_time_gets_the_newest_year_that_is_not_in_the_future(text: str, expected: datetime | None) -> None:
    newest = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    assert stamp.syslog(text, UTC, newest) == (expected.timestamp() if expected else None)
