"""The unit of durations for which a gateway's log gives none, held against the log's own times.

JSON of Go's slog writes nanoseconds, Node's loggers milliseconds, Python's seconds, all under `duration` or `latency`.
Where starts are logged too, the time between start and end tells which it is. Where they are not, a unit that would
have thousands of requests under way at once is certainly wrong, and then nothing is said of durations at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from opskit.logs.request import Request
from opskit.probes.gateway_told import Seen

_DAY_S = 86_400.0
_MEASURABLE_S = 0.02
_ENOUGH = 3
# Little's law: the sum of durations over the time in which they ended is how many were under way on average.
_CROWD = 2000.0
_TENFOLD = 0.5  # half a power of ten: units lie three powers apart
_POWERS = (0, -3, -6, -9)


def in_seconds(ended: Sequence[Seen], started: Mapping[str, float]) -> list[Seen]:
    """Return the requests with durations in seconds, or without any where their unit cannot be known.

    `started` gives for a request id when it began, in epoch seconds.
    """
    power = _measured([request for request, _ in ended], started)
    if power is None and _impossible([request for request, _ in ended]):
        return [(msgspec.structs.replace(request, duration_s=None, first_byte_s=None), line) for request, line in ended]
    return [(_scaled(request, power), line) for request, line in ended] if power else list(ended)


def _measured(ended: Sequence[Request], started: Mapping[str, float]) -> int | None:
    """The power of ten by which most durations differ from what lay between start and end; None without a majority."""
    found: Counter[int | None] = Counter()
    for request in ended:
        began = started.get(request.request_id or "")
        if began is None or not request.duration_s or request.at - began < _MEASURABLE_S:
            continue
        off = math.log10((request.at - began) / request.duration_s)
        found[next((power for power in _POWERS if abs(off - power) <= _TENFOLD), None)] += 1
    power, number = next(iter(found.most_common(1)), (None, 0))
    return power if number >= _ENOUGH and 2 * number > found.total() else None


def _impossible(ended: Sequence[Request]) -> bool:
    times = [request.duration_s for request in ended if request.duration_s is not None]
    if not times:
        return False
    span = max(request.at for request in ended) - min(request.at for request in ended)
    return max(times) > _DAY_S or (len(times) >= _ENOUGH and sum(times) > _CROWD * max(span, 1.0))


def _scaled(request: Request, power: int) -> Request:
    """Only the duration: the first byte's own unit is another question."""
    duration = request.duration_s
    return msgspec.structs.replace(
        request, duration_s=None if duration is None else duration * 10.0**power, first_byte_s=None
    )
