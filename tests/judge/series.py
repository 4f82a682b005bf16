"""Seeded series of latencies: a model that answers in 4 s, more slowly in office hours, now and then after a queue."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

DAY = 86_400.0


def latencies(
    days: float,
    noise: float,
    busy: float,
    seed: int,
    factor: Callable[[float], float] = lambda _: 1.0,
    every: float = 900,
) -> Iterator[tuple[float, float]]:
    """Yield (seconds from midnight of a Monday, latency); `noise` is the sigma, `busy` what a full load adds."""
    rng = random.Random(seed)
    for number in range(int(days * DAY / every)):
        at = number * every
        hour, weekday = at % DAY / 3600, at // DAY % 7
        load = max(0.05, math.sin((hour - 8) / 11 * math.pi)) if weekday < 5 and 8 <= hour < 19 else 0.05
        value = 4 * (1 + busy * load) * rng.lognormvariate(0, noise) * factor(at)
        yield at, value + (rng.expovariate(1 / 3.2) if rng.random() < busy / 4 * load else 0)


def between(begin: float, end: float, times: float) -> Callable[[float], float]:
    """Return a factor that is `times` from day `begin` to day `end`."""
    return lambda at: times if begin * DAY <= at < end * DAY else 1.0
