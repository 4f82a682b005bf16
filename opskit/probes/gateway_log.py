"""What the gateway's audit log shows: requests that began, how they ended, who was turned away, who still waits."""

from __future__ import annotations

import itertools
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal

import msgspec
from tzlocal import get_localzone

from opskit.logs import gateway as log
from opskit.logs.request import Request
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, Probe, as_facts
from opskit.probes.gateway_told import Seen, Told, records
from opskit.probes.log_tail import AT_ONCE_BYTES, CAP_BYTES, collect_log, cut_note, never_written, not_ahead

_WINDOW_S = 7200.0
_TOP = 5
_LATEST = 20
_REFUSALS = {401, 403, 429}
_COUNTED = {"401": (401,), "403": (403,), "429": (429,), "5xx": range(500, 600)}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back the judgement goes; `time_unit` is that of a bare `response_time`."""

    path: str = ""
    recent_s: float = 900.0
    time_unit: Literal["s", "ms"] = "s"


class Facts(msgspec.Struct, frozen=True):
    """Counts cover `recent_s` seconds, `latest_errors` (5xx) and `latest_refused` (401, 403, 429)
    the newest 20 requests of them.

    A client is a user where the log names users, else an address.

    By the newest answer each of them got, `clients_served` are well, `clients_refused` were answered 401 and
    `clients_limited` 429: held against each other they tell a fault for everybody from one noisy visitor.

    `refused_row` and `limited_row` are the clients whose requests make up the newest unbroken row of 401 or 429.

    `empty`: nothing was ever written to the file, which may mean that the gateway writes to another.
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
    latest_errors: int | None = None
    latest_refused: int | None = None
    clients_served: int | None = None
    clients_refused: int | None = None
    clients_limited: int | None = None
    refused_row: int | None = None
    limited_row: int | None = None
    users_named: bool | None = None
    empty: bool | None = None


class GatewayLogProbe(Probe[Args]):
    """Reads the audit log, start and end records alike."""

    arguments = Args
    facts = Facts
    metrics = frozenset(
        {"requests", "slowest_s", "median_s"}
        | {name for kind in _COUNTED for name in (f"share_{kind}_pct", f"count_{kind}")}
    )

    def defaults(self, settings: Settings) -> Args:
        """The configured log."""
        return Args(settings.stack.gateway.log)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read back as far as is judged, two hours at least."""
        since, zone = time.time() - max(_WINDOW_S, args.recent_s), get_localzone()
        room = AT_ONCE_BYTES if args.recent_s <= _WINDOW_S else CAP_BYTES
        return collect_log("gateway.log", args.path, since, lambda line: _stamp(line, zone), deadline, room)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Count endings, find the open requests."""
        at, zone = now.timestamp(), now.tzinfo or get_localzone()
        told = Told()
        for request, line in not_ahead(records(raws, args.time_unit, zone), at):
            told.take(request, line, at - args.recent_s)
        ended, still = told.ended, log.open_requests(told.ids)
        facts = msgspec.structs.replace(_facts(told, still, at), empty=never_written(raws))
        notes = tuple(
            _top(ended, status) for status in (401, 403, 429, 500) if any(r.status == status for r, _ in ended)
        )
        evidence = _evidence(told, still)
        return Reading(
            as_facts(facts), evidence, _reasons(facts, raws, args), _samples(ended, at), notes + cut_note(raws)
        )


def _stamp(line: bytes, zone: tzinfo) -> float | None:
    request = log.parse(line, zone=zone)
    return request.at if request else None


def _facts(told: Told, still: list[Request], at: float) -> Facts:
    ended = told.ended
    clients = _clients(ended, told.named)
    good = [request.at for request, _ in ended if _good(request.status)]
    times = sorted(request.duration_s for request, _ in ended if request.duration_s is not None)
    return Facts(
        requests=len(ended),
        open_requests=len(still),
        oldest_open_s=round(max(0.0, at - still[0].at), 3) if still else 0.0,
        last_request_age_s=None if told.newest is None else round(max(0.0, at - told.newest[0].at), 3),
        slowest_s=times[-1] if times else None,
        median_s=times[len(times) // 2] if times else None,
        served=bool(good),
        last_ok_age_s=round(max(0.0, at - max(good)), 3) if good else None,
        status_401=sum(request.status == 401 for request, _ in ended),
        status_429=sum(request.status == 429 for request, _ in ended),
        status_5xx=sum(_broken(request.status) for request, _ in ended),
        latest_errors=sum(_broken(request.status) for request, _ in ended[-_LATEST:]),
        latest_refused=sum(request.status in _REFUSALS for request, _ in ended[-_LATEST:]),
        clients_served=sum(_good(of[-1]) for of in clients.values()),
        clients_refused=sum(of[-1] == 401 for of in clients.values()),
        clients_limited=sum(of[-1] == 429 for of in clients.values()),
        refused_row=_row(ended, told.named, 401),
        limited_row=_row(ended, told.named, 429),
        users_named=told.named,
    )


def _clients(ended: list[Seen], named: bool) -> dict[str, list[int | None]]:
    """Statuses by client; where users have names, nameless requests are strangers' knocking, not users."""
    clients: dict[str, list[int | None]] = defaultdict(list)
    for request, _ in ended:
        if request.user or not named:
            clients[client_of(request)].append(request.status)
    return clients


def _row(ended: list[Seen], named: bool, status: int) -> int:
    """How many clients the newest requests belong to, as far back as all of these ended with `status`."""
    counted = (request for request, _ in reversed(ended) if request.user or not named)
    return len({client_of(request) for request in itertools.takewhile(lambda one: one.status == status, counted)})


def client_of(request: Request) -> str:
    """The user where the log names one, else the address, else `-`."""
    return request.user or request.client or "-"


def _good(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _broken(status: int | None) -> bool:
    return status is not None and 500 <= status < 600


def _samples(ended: list[Seen], at: float) -> tuple[Sample, ...]:
    """Shares of nothing are not zero: without requests they are left out, and the rules that want them say so."""
    total = len(ended)
    counts = {kind: sum(request.status in codes for request, _ in ended) for kind, codes in _COUNTED.items()}
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
    if not facts.requests:
        quiet = say("no request ended in the last {n} s according to {path}", n=int(args.recent_s), path=path)
        names = ("slowest_s", "median_s", "last_ok_age_s", "last_request_age_s")
        return dict.fromkeys((*names, *(f"share_{kind}_pct" for kind in _COUNTED)), quiet)
    why = {}
    if facts.last_ok_age_s is None:
        why["last_ok_age_s"] = say("no request ended well in the last {n} s", n=int(args.recent_s))
    if facts.median_s is None:
        why["median_s"] = why["slowest_s"] = say("{path} does not tell how long requests took", path=path)
    return why


def _evidence(told: Told, still: list[Request]) -> dict[str, tuple[Evidence, ...]]:
    found: dict[str, tuple[Evidence, ...]] = {}
    ended = told.ended
    groups = {
        "status_401": [pair for pair in ended if pair[0].status == 401],
        "status_429": [pair for pair in ended if pair[0].status == 429],
        "status_5xx": [pair for pair in ended if _broken(pair[0].status)],
        "last_ok_age_s": [pair for pair in ended if _good(pair[0].status)],
        "slowest_s": sorted((p for p in ended if p[0].duration_s is not None), key=lambda p: p[0].duration_s or 0.0),
        "last_request_age_s": [told.newest] if told.newest else [],
    }
    for name, pairs in groups.items():
        if pairs:
            found[name] = (pairs[-1][1].evidence(pairs[-1][0].at),)
    oldest = told.starts.get(still[0].request_id or "") if still else None
    if oldest:
        found["oldest_open_s"] = found["open_requests"] = (oldest.evidence(still[0].at),)
    found["clients_refused"] = found["refused_row"] = found.get("status_401", ())
    found["clients_limited"] = found["limited_row"] = found.get("status_429", ())
    found["latest_errors"] = found.get("status_5xx", ())
    found["requests"] = found.get("last_request_age_s", ())
    return found
