"""The averages are those of Python's own library."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.judge.average import mean, median

VALUES = st.lists(st.floats(min_value=-1e12, max_value=1e12), min_size=1)


@given(VALUES)
def test_they_are_what_the_library_says(values: list[float]) -> None:
    assert median(values) == statistics.median(values)
    assert mean(values) == statistics.fmean(values)


def test_nothing_has_no_average() -> None:
    with pytest.raises(ZeroDivisionError):
        mean([])
    with pytest.raises(IndexError):
        median([])
