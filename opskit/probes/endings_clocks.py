"""Whether Nginx's log and the gateway's were dated by the same clock. Pure.

A container in another place, or a host without time synchronisation, dates its lines some seconds or minutes off. Then
the newest line of one log seems to be missing in the other, and somebody between them would be accused of it. The same
requests ended in both logs: the shift under which most of the gateway's meet one of Nginx's tells the difference.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from opskit.logs.request import Request
from opskit.probes.answer import OWN_AGENT
from opskit.probes.endings_of import Ending

_NEWEST = 100
_ENOUGH = 5
_MOST_S = 900
_TOGETHER_S = 1.6  # Nginx writes whole seconds, and its line after the gateway's
_SURE = 0.7
_CLEARLY = 2.0


def clocks_apart(ended: Sequence[Ending], front: Sequence[Request] | None) -> float | None:
    """Return how many seconds lie between the clocks of Nginx's log and the gateway's, 0 where nothing says so.

    None where Nginx's log is not known.
    """
    if front is None:
        return None
    nginx = sorted(one.at for one in front if one.method == "POST" and one.agent != OWN_AGENT)[-_NEWEST:]
    gateway = [one.request.at for one in ended][-_NEWEST:]
    if min(len(nginx), len(gateway)) < _ENOUGH:
        return 0.0
    shifts = Counter(round(one - other) for one in nginx for other in gateway if abs(one - other) <= _MOST_S)
    if not shifts:
        return 0.0
    best = max(shifts, key=lambda shift: shifts[shift - 1] + shifts[shift] + shifts[shift + 1])
    met, unshifted = _met(nginx, gateway, best), _met(nginx, gateway, 0)
    sure = met >= _SURE * len(gateway) and met > _CLEARLY * unshifted
    return float(abs(best)) if sure else 0.0


def _met(nginx: Sequence[float], gateway: Sequence[float], shift: int) -> int:
    """How many of the gateway's requests end beside one of Nginx's, once they are shifted."""
    return sum(_beside(nginx, at + shift) for at in gateway)


def _beside(times: Sequence[float], at: float) -> bool:
    place = bisect_left(times, at - _TOGETHER_S)
    return place < len(times) and times[place] <= at + _TOGETHER_S
