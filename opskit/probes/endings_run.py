"""Whether a kind of failure is going on, and whether it always comes after the same time. Pure.

A failure is over when so many good answers have followed that its going on would be hard to believe: two where nothing
but failures came before, and many where only one request in ten had failed. What ended in a third way says nothing: a
breaker that opens does not mend what opened it.
"""

from __future__ import annotations

from collections.abc import Sequence

_BELIEVED = 0.05
_MOST_CERTAIN = 0.9
_ENOUGH = 3
_ALIKE = 0.12
_ROUND_S = 0.8
_APART_S = 1.0
_LEAST_ROUND_S = 2.0
_EARLY_S, _LATE_S = 0.15, 0.05  # a timer may begin so long before the request comes, and strike so late
_MOSTLY = 0.75


def going_on(bad: Sequence[bool | None]) -> int:
    """Return how many of the requests, oldest first, failed in a way; 0 where that is over.

    True: it failed in this way, False: it ended well, None: it tells nothing of it.
    """
    known = [value for value in bad if value is not None]
    failed = [place for place, value in enumerate(known) if value]
    if not failed:
        return 0
    first, last = failed[0], failed[-1]
    share = min(_MOST_CERTAIN, len(failed) / (last - first + 1))
    well_since = len(known) - 1 - last
    return 0 if (1 - share) ** well_since < _BELIEVED else len(failed)


def alike(ends: Sequence[tuple[float, float]]) -> float | None:
    """Return the time after which all of them ended, None where they differ or are few: a limit's signature.

    An end is a moment and how long it took until then, both in seconds. The shortest tenth may be shorter: a limit that
    counts from something earlier cuts some of them early. What ended all at one moment is one event, and no limit,
    unless all of it took a round number of seconds, as people set limits.
    """
    known = sorted((took, at) for at, took in ends if took >= _ROUND_S)
    if len(known) < _ENOUGH or len(known) < 0.75 * len(ends):
        return None
    known = known[len(known) // 10 :]
    moments, times = [at for _, at in known], [took for took, _ in known]
    if max(moments) - min(moments) < _APART_S and sum(map(_is_round, times)) < _MOSTLY * len(times):
        return None
    middle = times[len(times) // 2]
    return round(middle, 2) if times[-1] - times[0] <= max(0.25, _ALIKE * middle) else None


def _is_round(seconds: float) -> bool:
    return seconds >= _LEAST_ROUND_S - _EARLY_S and -_EARLY_S <= seconds - round(seconds) <= _LATE_S
