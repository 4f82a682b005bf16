"""The user's latency contract: how far a value lies from the moving average of the days before it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec


class Distance(msgspec.Struct, frozen=True):
    """`percent` above (or below) `mean`, over `known` earlier values.

    Both are None while fewer than enough are known; `percent` alone is None where the mean cannot be deviated from.
    """

    mean: float | None
    percent: float | None
    known: int


def distance(value: float, earlier: Sequence[float], at_least: int) -> Distance:
    """Compare `value` with the arithmetic mean of `earlier`, which must not contain it.

    Earlier values that are no numbers do not count. From a mean that is zero or negative there is no distance.
    """
    known = [number for number in earlier if math.isfinite(number)]
    if len(known) < max(1, at_least):
        return Distance(None, None, len(known))
    # fmean's exact sum would overflow with an exception; the plain one becomes infinite, and so says nothing.
    mean = sum(known) / len(known)
    percent = (value - mean) / mean * 100 if 0 < mean < math.inf else math.nan
    # 5.2 over 4.0 is 30 %, not 30.000000000000004: what the division adds is no deviation.
    return Distance(mean, round(percent, 9) if math.isfinite(percent) else None, len(known))
