"""The averages of a series. The library's module for them loads random numbers and fractions too, which takes 5 ms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def mean(values: Sequence[float]) -> float:
    """Return the arithmetic mean, rounded once. Raises ZeroDivisionError where there are no values."""
    return math.fsum(values) / len(values)


def median(values: Iterable[float]) -> float:
    """Return the middle value, or the mean of the two in the middle. Raises IndexError where there are no values."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
