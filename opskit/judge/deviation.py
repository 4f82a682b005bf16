"""The user's latency contract: how far a value lies from the moving average of the days before it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Distance(msgspec.Struct, frozen=True):
    """`percent` above (or below) `mean`, over `known` earlier values; both None while fewer than enough are known."""

    mean: float | None
    percent: float | None
    known: int


def distance(value: float, earlier: Sequence[float], at_least: int) -> Distance:
    """Compare `value` with the arithmetic mean of `earlier`, which must not contain it.

    A mean of zero cannot be deviated from: it counts as not known.
    """
    if len(earlier) < max(1, at_least):
        return Distance(None, None, len(earlier))
    mean = sum(earlier) / len(earlier)
    if mean <= 0:
        return Distance(None, None, len(earlier))
    return Distance(mean, (value - mean) / mean * 100, len(earlier))
