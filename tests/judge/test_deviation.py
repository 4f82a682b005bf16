"""The distance from the average of the days before."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.deviation import Distance, distance

KNOWN = [
    (13.0, [10.0, 10.0], 2, Distance(10.0, 30.0, 2)),
    (7.0, [10.0, 10.0], 2, Distance(10.0, -30.0, 2)),
    (10.0, [5.0, 15.0], 1, Distance(10.0, 0.0, 2)),
    (1.0, [], 1, Distance(None, None, 0)),
    (1.0, [2.0], 2, Distance(None, None, 1)),
    (1.0, [], 0, Distance(None, None, 0)),
    (1.0, [math.nan, 2.0, math.inf], 1, Distance(2.0, -50.0, 1)),
    (1.0, [math.nan, math.nan], 1, Distance(None, None, 0)),
    (1.0, [0.0, 0.0], 2, Distance(0.0, None, 2)),
    (1.0, [-4.0, 2.0], 2, Distance(-1.0, None, 2)),
    (1.0, [1e308, 1e308], 2, Distance(math.inf, None, 2)),
    (1e308, [1e-300], 1, Distance(1e-300, None, 1)),
]


@pytest.mark.parametrize(("value", "earlier", "at_least", "expected"), KNOWN)
def test_a_value_lies_so_many_percent_from_the_mean(value, earlier, at_least, expected):
    assert distance(value, earlier, at_least) == expected


@given(st.floats(), st.lists(st.floats(), max_size=8), st.integers(0, 5))
def test_a_distance_is_a_number_or_not_told(value, earlier, at_least):
    percent = distance(value, earlier, at_least).percent
    assert percent is None or math.isfinite(percent)
