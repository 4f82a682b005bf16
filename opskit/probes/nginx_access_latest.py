"""What the newest requests of the access log have in common: rows of failures, and the most usual one. Pure."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Sequence

from opskit.logs.request import Request
from opskit.probes.log_tail import CLOCK_S

_ENOUGH = 3


def row(recent: Sequence[Request], ended: Callable[[int], bool]) -> list[Request]:
    """The newest POSTs as far back as all of them ended like that, newest first."""
    posts = (request for request in reversed(recent) if request.method == "POST")
    return list(itertools.takewhile(lambda request: ended(request.status or 0), posts))


def half(row: Sequence[Request], at: float) -> float | None:
    """How old the older half of a row is at least, 0 without one; None where another clock than ours dated it."""
    if row and row[0].at > at + CLOCK_S:
        return None
    return round(max(0.0, at - row[len(row) // 2].at), 3) if row else 0.0


def is_redirected(request: Request) -> bool:
    """Whether a question was sent elsewhere: no browser asks it again there, and no program does."""
    return request.method == "POST" and 300 <= (request.status or 0) < 400


def usual(latest: Sequence[Request]) -> int:
    """The status of the failure that more than half of the requests ended in, 0 where there is none such."""
    failed = Counter(request.status for request in latest if (request.status or 0) >= 400)
    status, count = failed.most_common(1)[0] if failed else (0, 0)
    return (status or 0) if count >= _ENOUGH and 2 * count > len(latest) else 0
