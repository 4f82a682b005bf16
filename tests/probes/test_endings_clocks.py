"""Two logs of the same requests, dated by one clock or by two."""

from __future__ import annotations

import random

import pytest

from opskit.model.reading import Reading
from tests.probes.joined import NOBODY, reading
from tests.probes.lines import access, end


def told(ends: list[float], ahead_s: float, missing: int = 0) -> Reading:
    """The gateway's log, and Nginx's, whose clock is so far ahead; the newest are missing at the gateway."""
    gateway = b"".join(end(ago + ahead_s, str(number)) for number, ago in enumerate(ends[missing:]))
    return reading("endings", {"gateway": gateway, "nginx": b"".join(access(ago) for ago in ends)})


def some(count: int, over_s: float) -> list[float]:
    moments = random.Random(7)
    return sorted(moments.uniform(100, 100 + over_s) for _ in range(count))


@pytest.mark.parametrize(("count", "over_s"), [(8, 30), (40, 30), (40, 400), (100, 20)])
@pytest.mark.parametrize("ahead_s", [0, 12, 90, -75, 300])
def test_the_shift_is_that_of_the_clocks(count, over_s, ahead_s):
    apart = told(some(count, over_s), ahead_s).facts["clocks_apart_s"]
    # Among dense requests a short shift finds others to meet, and nothing is said.
    assert apart == pytest.approx(abs(ahead_s), abs=1) or (apart == 0 and abs(ahead_s) <= over_s)


@pytest.mark.parametrize("missing", [0, 10, 30])
def test_requests_that_never_came_to_the_gateway_are_no_shift(missing):
    assert told(some(40, 60), 0, missing).facts["clocks_apart_s"] == 0


def test_of_few_requests_and_of_one_log_nothing_is_said():
    assert told(some(3, 30), 90).facts["clocks_apart_s"] == 0
    alone = reading("endings", {"gateway": end(5, "a"), "nginx": NOBODY})
    assert alone.facts["clocks_apart_s"] is None
