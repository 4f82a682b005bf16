"""The numbers of a gateway's window: counts and shares by status, against former days, how fast, and the budget."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from opskit.judge.average import median
from opskit.judge.burn import burn_rate
from opskit.logs.request import Request
from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.gateway_former import DAY_S, Former, Slot, enough, slots_of, usual_counts

KINDS = {"401": (401,), "403": (403,), "429": (429,), "5xx": range(500, 600)}
_PERCENTILES = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
_BURNS = (("1h", 3600), ("6h", 6 * 3600), ("3d", 3 * DAY_S))
METRICS = frozenset(
    {"requests", "slowest_s", "median_s", "tokens_per_s", "completion_tokens"}
    | {name for kind in KINDS for name in (f"share_{kind}_pct", f"count_{kind}", f"times_usual_{kind}")}
    | {f"{what}_{name}_s" for what in ("answer", "first_token") for name, _ in _PERCENTILES}
    | {f"burn_{name}" for name, _ in _BURNS}
)


def counts(ended: Sequence[Request], at: float) -> Iterator[Sample]:
    """Yield counts and shares. Shares of nothing are not zero: without requests they have no value."""
    total = len(ended)
    yield Sample("requests", float(total), at=at, low=0)
    for kind, codes in KINDS.items():
        count = sum(request.status in codes for request in ended)
        yield Sample(f"count_{kind}", float(count), at=at, low=0)
        share = round(count / total * 100, 3) if total else None
        yield Sample(f"share_{kind}_pct", share, "%", at=at, low=0, high=100)


def against_former(
    ended: Sequence[Request], former: Former, recent_s: float, days: int, at: float
) -> tuple[list[Sample], list[Message]]:
    """Hold the counts against the worst of the same windows of former days, where enough of these are known."""
    known = usual_counts(former, recent_s, at, days)
    if not enough(known):
        text = say("not compared with former days: the log reaches back over {n} of {days}", n=len(known), days=days)
        return [], [text, *(say("{why}", why=why) for why in former.why[:2])]
    samples, told = list[Sample](), list[str]()
    for kind, codes in KINDS.items():
        before = [sum(day[code] for code in codes) for day in known]
        now = sum(request.status in codes for request in ended)
        samples.append(Sample(f"times_usual_{kind}", round(now / max(1, *before), 3), at=at, low=0))
        told.append(f"{kind} {now} ({min(before)}-{max(before)})")
    requests = [day.total() for day in known]
    told.append(f"{len(ended)} ({min(requests)}-{max(requests)})")
    text = say(
        "against the same time of {n} former days: {listed} in all",
        n=len(known),
        listed=", ".join(told),
    )
    return samples, [text]


def speeds(ended: Sequence[Request], at: float) -> Iterator[Sample]:
    """Yield percentiles of good answers only, because failures are often fast, and the speed of their tokens."""
    good = [request for request in ended if request.status is not None and 200 <= request.status < 300]
    times = sorted(request.duration_s for request in good if request.duration_s is not None)
    if times:
        yield Sample("median_s", times[len(times) // 2], "s", at=at)
        yield Sample("slowest_s", times[-1], "s", at=at)
    firsts = sorted(request.first_byte_s for request in good if request.first_byte_s is not None)
    for what, values in (("answer", times), ("first_token", firsts)):
        for name, share in _PERCENTILES if values else ():
            yield Sample(f"{what}_{name}_s", values[math.ceil(share * len(values)) - 1], "s", at=at)
    tokens = [request.completion_tokens for request in good if request.completion_tokens is not None]
    if tokens:
        yield Sample("completion_tokens", float(sum(tokens)), at=at, low=0)
    rates = [rate for request in good if (rate := _rate(request)) is not None]
    if rates:
        yield Sample("tokens_per_s", round(median(rates), 3), at=at, low=0)


def _rate(request: Request) -> float | None:
    """Tokens a second from the first one on; None where the log does not tell, or it was too short to."""
    if request.completion_tokens is None or request.duration_s is None or request.completion_tokens < 2:
        return None
    seconds = request.duration_s - (request.first_byte_s or 0.0)
    return request.completion_tokens / seconds if seconds > 0 else None


def budget(
    ended: Sequence[Request], former: Former, recent_s: float, objective: float, at: float
) -> tuple[list[Sample], list[Message]]:
    """Return how fast the budget of 5xx burns over an hour, six, and three days, as far as the log reaches."""
    slots = [*former.slots, *slots_of((request.at, request.status or 0) for request in ended)]
    reach = at - recent_s if former.first is None else min(former.first, at - recent_s)
    samples, told = list[Sample](), list[str]()
    for name, seconds in _BURNS:
        rate = _burnt(slots, at - seconds, objective) if at - seconds >= reach else None
        if rate is not None:
            samples.append(Sample(f"burn_{name}", round(rate, 3), at=at, low=0))
            told.append(f"{name} {rate:.2g}")
    if not told:
        return [], []
    text = say(
        "objective: {slo} percent of requests without 5xx; budget burns at {listed} times the rate it allows",
        slo=f"{objective:g}",
        listed=", ".join(told),
    )
    return samples, [text]


def _burnt(slots: Sequence[Slot], since: float, objective: float) -> float | None:
    found: Counter[bool] = Counter()
    for slot in slots:
        if slot.at >= since:
            found[500 <= slot.status < 600] += slot.number
    return burn_rate(found[True], found.total(), objective)
