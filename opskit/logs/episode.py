"""How the failures of one kind lie in time, and whose they are: a burst, a slow rise, or one noisy client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import msgspec

Shape = Literal["burst", "rise", "even"]

_FEWEST = 10
_MOST_OF = 0.8
_SHORT = 0.1  # of the window
_PARTS = 4


class Episode(msgspec.Struct, frozen=True):
    """`number` failures; `begin` and `end` (epoch seconds) are where most of them lie in a burst, else the extremes.

    `noisy` is the one client that most of them belong to, None where there is none; `clients` how many there are.
    """

    number: int
    shape: Shape
    begin: float
    end: float
    within: int
    clients: int
    noisy: str | None


def episode(failures: Sequence[tuple[float, str]], since: float, until: float) -> Episode | None:
    """Return the form of failures, given as time and client in any order; None for too few to have one."""
    if len(failures) < _FEWEST:
        return None
    times = sorted(at for at, _ in failures)
    who = Counter(client for _, client in failures)
    client, most = who.most_common(1)[0]
    noisy = client if most >= _MOST_OF * len(failures) and client != "-" else None
    begin, end, within = _densest(times, (until - since) * _SHORT)
    if within >= _MOST_OF * len(times):
        return Episode(len(times), "burst", begin, end, within, len(who), noisy)
    shape: Shape = "rise" if _rises(times, since, until) else "even"
    return Episode(len(times), shape, times[0], times[-1], len(times), len(who), noisy)


def _densest(times: Sequence[float], width: float) -> tuple[float, float, int]:
    """Return the stretch of at most `width` seconds with the most of them."""
    best, start = (times[0], times[0], 1), 0
    for end, at in enumerate(times):
        while at - times[start] > width:
            start += 1
        if end - start + 1 > best[2]:
            best = (times[start], at, end - start + 1)
    return best


def _rises(times: Sequence[float], since: float, until: float) -> bool:
    """Tell whether each quarter of the window has more than the one before, and the last three times the first."""
    counts = [0] * _PARTS
    for at in times:
        counts[min(_PARTS - 1, max(0, int((at - since) / (until - since) * _PARTS)))] += 1
    grows = all(later > earlier for earlier, later in pairwise(counts))
    return grows and counts[-1] >= 3 * max(1, counts[0])
