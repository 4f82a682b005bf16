"""What the gateway's audit log shows: requests that began, how they ended, who was turned away, who still waits."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from opskit.logs import gateway as log
from opskit.logs.request import Request
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import OWN_REQUEST
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.log_tail import Line, collect_log, read_lines

_WINDOW_S = 7200.0
_TOP = 5
Seen = tuple[Request, Line]


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back the judgement goes; `time_unit` is that of a bare `response_time`."""

    path: str = ""
    recent_s: float = 900.0
    time_unit: Literal["s", "ms"] = "s"


class Facts(msgspec.Struct, frozen=True):
    """Counts cover `recent_s` seconds. A client is a user where the log names users, else an address.

    `clients_only_401` were never let in, `clients_limited` were mostly answered 429, `clients_served` are the others
    who got at least one good answer: held against each other they tell a fault for everybody from one noisy visitor.
    """

    requests: int | None = None
    open_requests: int | None = None
    oldest_open_s: float | None = None
    last_request_age_s: float | None = None
    slowest_s: float | None = None
    median_s: float | None = None
    served: bool | None = None
    last_ok_age_s: float | None = None
    status_401: int | None = None
    status_429: int | None = None
    status_5xx: int | None = None
    clients_served: int | None = None
    clients_only_401: int | None = None
    clients_limited: int | None = None
    users_named: bool | None = None


class GatewayLogProbe(Probe[Args]):
    """Reads the audit log, start and end records alike."""

    arguments = Args
    facts = Facts
    metrics = frozenset(
        {"requests", "share_401_pct", "share_429_pct", "share_5xx_pct", "count_401", "count_429", "count_5xx"}
        | {"slowest_s", "median_s"}
    )

    def defaults(self, settings: Settings) -> Args:
        """The configured log."""
        return Args(settings.stack.gateway.log)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read back as far as is judged, two hours at least."""
        since = time.time() - max(_WINDOW_S, args.recent_s)
        return collect_log("gateway.log", args.path, since, _stamp, deadline)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Count endings, find the open requests."""
        at = now.timestamp()
        seen: list[Seen] = [
            (request, line)
            for line in read_lines(raws)
            if (request := log.parse(line.data, args.time_unit)) and not _own(request)
        ]
        if not seen and any(raw.data.strip() for raw in raws):
            raise ProbeError(say("{path}: no line is a record of a request", path=raws[-1].origin))
        ended = [pair for pair in seen if pair[0].event == "end" and at - pair[0].at <= args.recent_s]
        still = log.open_requests(request for request, _ in seen)
        facts = _facts(seen, ended, still, at)
        why = _reasons(facts, raws, args)
        samples = _samples(ended, at)
        notes = tuple(_top(ended, status) for status in (401, 429, 500) if any(r.status == status for r, _ in ended))
        if not all(raw.complete for raw in raws):
            notes = (*notes, say("only the newest part of {path} was read: it is larger than fits", path=args.path))
        return Reading(as_facts(facts), _evidence(seen, ended, still), why, samples, notes)


def _own(request: Request) -> bool:
    """opskit's own questions prove nothing about users."""
    return (request.request_id or "").startswith(OWN_REQUEST)


def _stamp(line: bytes) -> float | None:
    request = log.parse(line)
    return request.at if request else None


def _facts(seen: list[Seen], ended: list[Seen], still: list[Request], at: float) -> Facts:
    named = any(request.user for request, _ in seen)
    clients = _clients(ended, named)
    good = [request.at for request, _ in ended if _good(request.status)]
    times = sorted(request.duration_s for request, _ in ended if request.duration_s is not None)
    last = max((request.at for request, _ in seen), default=None)
    return Facts(
        requests=len(ended),
        open_requests=len(still),
        oldest_open_s=round(at - still[0].at, 3) if still else 0.0,
        last_request_age_s=None if last is None else round(max(0.0, at - last), 3),
        slowest_s=times[-1] if times else None,
        median_s=times[len(times) // 2] if times else None,
        served=bool(good),
        last_ok_age_s=round(at - max(good), 3) if good else None,
        status_401=sum(request.status == 401 for request, _ in ended),
        status_429=sum(request.status == 429 for request, _ in ended),
        status_5xx=sum(_broken(request.status) for request, _ in ended),
        clients_served=sum(any(map(_good, of)) and not _limited(of) for of in clients.values()),
        clients_only_401=sum(all(status == 401 for status in statuses) for statuses in clients.values()),
        clients_limited=sum(map(_limited, clients.values())),
        users_named=named,
    )


def _clients(ended: list[Seen], named: bool) -> dict[str, list[int | None]]:
    """Statuses by client; where users have names, nameless requests are strangers' knocking, not users."""
    clients: dict[str, list[int | None]] = defaultdict(list)
    for request, _ in ended:
        if request.user or not named:
            clients[client_of(request)].append(request.status)
    return clients


def client_of(request: Request) -> str:
    """The user where the log names one, else the address, else `-`."""
    return request.user or request.client or "-"


def _good(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _limited(statuses: list[int | None]) -> bool:
    return statuses.count(429) * 2 > len(statuses)


def _broken(status: int | None) -> bool:
    return status is not None and 500 <= status < 600


def _samples(ended: list[Seen], at: float) -> tuple[Sample, ...]:
    """Shares of nothing are not zero: without requests they are left out, and the rules that want them say so."""
    total = len(ended)
    counts = {
        "401": sum(request.status == 401 for request, _ in ended),
        "429": sum(request.status == 429 for request, _ in ended),
        "5xx": sum(_broken(request.status) for request, _ in ended),
    }
    samples = [Sample("requests", float(total), at=at, low=0)]
    for name, count in counts.items():
        samples.append(Sample(f"count_{name}", float(count), at=at, low=0))
        share = round(count / total * 100, 3) if total else None
        samples.append(Sample(f"share_{name}_pct", share, "%", at=at, low=0, high=100))
    times = sorted(
        request.duration_s for request, _ in ended if request.duration_s is not None and _good(request.status)
    )
    if times:
        samples.append(Sample("median_s", times[len(times) // 2], "s", at=at))
        samples.append(Sample("slowest_s", times[-1], "s", at=at))
    return tuple(samples)


def _top(ended: list[Seen], status: int) -> Message:
    who = Counter(client_of(request) for request, _ in ended if request.status == status)
    ranked = sorted(who.items(), key=lambda item: (-item[1], item[0]))[:_TOP]
    listed = ", ".join(f"{name} {count}" for name, count in ranked)
    return say("{status}: {count} in all; most: {listed}", status=status, count=who.total(), listed=listed)


def _reasons(facts: Facts, raws: Sequence[Raw], args: Args) -> dict[str, Message]:
    path = raws[-1].origin if raws else args.path
    if facts.requests:
        ages = {"last_ok_age_s": say("no request ended well in the last {n} s", n=int(args.recent_s))}
        return ages if facts.last_ok_age_s is None else {}
    quiet = say("no request ended in the last {n} s according to {path}", n=int(args.recent_s), path=path)
    names = ("slowest_s", "median_s", "last_ok_age_s", "share_401_pct", "share_429_pct", "share_5xx_pct")
    return dict.fromkeys(names, quiet)


def _evidence(seen: list[Seen], ended: list[Seen], still: list[Request]) -> dict[str, tuple[Evidence, ...]]:
    found: dict[str, tuple[Evidence, ...]] = {}
    lines = {id(request): line for request, line in seen}
    timed = [pair for pair in ended if pair[0].duration_s is not None]
    groups = {
        "status_401": [pair for pair in ended if pair[0].status == 401],
        "status_429": [pair for pair in ended if pair[0].status == 429],
        "status_5xx": [pair for pair in ended if _broken(pair[0].status)],
        "last_ok_age_s": [pair for pair in ended if _good(pair[0].status)],
        "slowest_s": sorted(timed, key=lambda pair: pair[0].duration_s or 0.0),
        "last_request_age_s": seen,
    }
    for name, pairs in groups.items():
        if pairs:
            found[name] = (pairs[-1][1].evidence(pairs[-1][0].at),)
    if still and id(still[0]) in lines:
        found["oldest_open_s"] = found["open_requests"] = (lines[id(still[0])].evidence(still[0].at),)
    found["clients_only_401"] = found.get("status_401", ())
    found["clients_limited"] = found.get("status_429", ())
    found["requests"] = found.get("last_request_age_s", ())
    return found
