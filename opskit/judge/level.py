"""A level that was declared the usual one, and a series as it is seen from there. Which level that is: `acceptance`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec


class Level(msgspec.Struct, frozen=True):
    """What was measured before `since` (epoch seconds) counts `factor` times, or as `flat` where that is set."""

    since: float
    factor: float = 1.0
    flat: float | None = None


def rebased(values: Sequence[tuple[float, float]], levels: Iterable[Level]) -> list[tuple[float, float]]:
    """Return a series as it is seen from the levels that were accepted, each for what is older than itself."""
    seen = list(values)
    for level in sorted(levels, key=lambda level: level.since):
        seen = [(at, value if at >= level.since else _counted(value, level)) for at, value in seen]
    return seen


def _counted(value: float, level: Level) -> float:
    return value * level.factor if level.flat is None else level.flat
