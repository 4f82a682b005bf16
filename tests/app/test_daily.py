"""What is due on a local day, whatever becomes of its clock, and what is due for cron."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest

from opskit.app.daily import is_due
from opskit.app.once import due
from opskit.judge.settle import PATIENCE
from opskit.model.check import Check, Rule
from opskit.model.state import State
from opskit.model.status import Status
from opskit.model.text import Text

BERLIN = ZoneInfo("Europe/Berlin")
CHECK = Check("c", Text("s"), Text("w"), "host", (Rule("m"),), every=300.0, timeout=5.0)


def days_due(first: datetime, minutes: int, clock: str) -> list[str]:
    """The moments at which a report is made by somebody who asks every minute and remembers the day."""
    made, found = None, list[str]()
    for minute in range(minutes):
        moment = (first.astimezone(ZoneInfo("UTC")) + timedelta(minutes=minute)).astimezone(BERLIN)
        if moment.date() != made and is_due(moment, clock):
            made = moment.date()
            found.append(f"{moment:%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        # On 29 March 2026 the hour from 2 to 3 is left out, on 25 October it comes twice.
        ("02:30", ["03-28 02:30", "03-29 03:00", "03-30 02:30"]),
        ("08:00", ["03-28 08:00", "03-29 08:00", "03-30 08:00"]),
        ("00:00", ["03-28 00:00", "03-29 00:00", "03-30 00:00"]),
    ],
)
def test_a_day_that_leaves_the_time_out_has_its_report_all_the_same(clock: str, expected: list[str]) -> None:
    assert days_due(datetime(2026, 3, 28, tzinfo=BERLIN), 3 * 1440 - 61, clock) == expected


@pytest.mark.parametrize("clock", ["02:30", "02:00", "03:00", "23:59"])
def test_a_day_that_has_the_time_twice_has_one_report(clock: str) -> None:
    expected = [f"10-{day} {clock}" for day in (24, 25, 26)]
    assert days_due(datetime(2026, 10, 24, tzinfo=BERLIN), 3 * 1440 + 60, clock) == expected


@pytest.mark.parametrize(
    ("age", "every", "expected"),
    [
        (None, 300.0, True),
        (300.0, 300.0, True),
        (270.0, 300.0, True),
        (269.0, 300.0, False),
        (0.0, 300.0, False),
        (16.0, 30.0, True),
        (14.0, 30.0, False),
        (-5.0, 300.0, True),
    ],
)
def test_a_check_is_due_when_its_time_has_come_or_nearly_so(age: float | None, every: float, expected: bool) -> None:
    check = msgspec.structs.replace(CHECK, every=every)
    at = 1000.0 - (age or 0.0)
    state = State("c", Status.OK, Status.OK, 0.0, at, at + PATIENCE * every)
    assert (due([check], {} if age is None else {"c": state}, 1000.0) == [check]) is expected
