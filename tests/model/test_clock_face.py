"""Times that no calendar has."""

from datetime import datetime, timedelta, timezone

import pytest

from opskit.model.clock_face import clock_face

EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


@pytest.mark.parametrize("zone", [EAST, WEST])
@pytest.mark.parametrize("at", [-1e300, -62_135_600_000.0, 253_402_343_999.0, 1e300])
def test_any_number_is_a_time_in_any_zone(zone: timezone, at: float) -> None:
    assert clock_face(at, zone).tzinfo is zone


def test_a_time_of_the_calendar_is_shown_as_it_is() -> None:
    assert clock_face(1795323600.5, EAST) == datetime.fromtimestamp(1795323600.5, EAST)
