"""What the gateway's audit log shows: requests that began, how they ended, who was turned away, who still waits."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal, TypeGuard

import msgspec

from opskit.logs import gateway as log
from opskit.logs.host_zone import host_zone
from opskit.logs.request import Request
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, as_facts
from opskit.probes.gateway_former import DAY_S, Former, collect_former
from opskit.probes.gateway_pattern import client_of, patterns, top
from opskit.probes.gateway_samples import KINDS, METRICS, against_former, budget, counts, speeds
from opskit.probes.gateway_told import Seen, Told, is_turned_away, records, stamp, zone_known
from opskit.probes.gateway_unit import in_seconds
from opskit.probes.log_tail import AT_ONCE_BYTES, CAP_BYTES, age, collect_log, cut_note, never_written, not_ahead
from opskit.probes.log_tail import of_another_clock as ahead_of_us
from opskit.probes.log_then import stood

_WINDOW_S = 7200.0
_LATEST = 20
_FORMER = "gateway-former.json"
_REFUSALS = {401, 403, 429}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back the judgement goes; `time_unit` is that of a bare `response_time`.

    `former_days` are counted for comparison, `objective_pct` of requests are to end without a 5xx. `at` is the moment
    to judge (epoch seconds), now where it is 0.
    """

    path: str = ""
    recent_s: float = 900.0
    time_unit: Literal["s", "ms"] = "s"
    former_days: int = 0
    objective_pct: float = 99.0
    at: float = 0.0


class Facts(msgspec.Struct, frozen=True):
    """Counts cover `recent_s` seconds, `latest_errors` (5xx) and `latest_refused` (401, 403, 429)
    the newest 20 requests of them.

    A client is a user where the log names users, else an address.

    By the newest answer each of them got, `clients_served` are well, `clients_refused` were answered 401,
    `clients_forbidden` 403 by the gateway itself and `clients_limited` 429: held against each other they tell a fault
    for everybody from one noisy visitor.

    `refused_row`, `forbidden_row` and `limited_row` are the clients whose requests make up the newest unbroken row of
    401, 403 or 429.

    `open_requests` and `oldest_open_s` are None where the log tells of requests only when they end.

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
    clients_forbidden: int | None = None
    forbidden_row: int | None = None
    refused_row: int | None = None
    limited_row: int | None = None
    users_named: bool | None = None
    empty: bool | None = None


class GatewayLogProbe(Probe[Args]):
    """Reads the audit log, start and end records alike."""

    arguments = Args
    facts = Facts
    metrics = METRICS

    def defaults(self, settings: Settings) -> Args:
        """The configured log."""
        return Args(settings.stack.gateway.log)

    def as_of(self, args: Args, moment: float) -> Args:
        """The log as it stood then."""
        return msgspec.structs.replace(args, at=moment)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read back as far as is judged, two hours at least."""
        since, zone = (args.at or time.time()) - max(_WINDOW_S, args.recent_s), host_zone()
        room = AT_ONCE_BYTES if args.recent_s <= _WINDOW_S and not args.at else CAP_BYTES
        raws = collect_log("gateway.log", args.path, since, lambda line: stamp(line, zone), deadline, room)
        if not args.former_days:
            return raws
        deadline.enter(say("count the days before in {path}", path=args.path))
        begin = time.time() - args.recent_s
        oldest = begin - args.former_days * DAY_S
        return (pack(_FORMER, collect_former(args.path, oldest, begin, args.time_unit), args.path), *raws)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Count endings, find the open requests."""
        at, zone = now.timestamp(), now.tzinfo or host_zone()
        former = [raw for raw in raws if raw.name == _FORMER]
        raws = stood([raw for raw in raws if raw.name != _FORMER], args.at, lambda line: stamp(line, zone))
        told = Told()
        for request, line in not_ahead(records(raws, args.time_unit, zone, at), at):
            told.take(request, line, at - args.recent_s)
        if told.newest:
            zone_known(told.newest, at, args.time_unit, zone)
        ended = told.ended = in_seconds(told.ended, told.started())
        still = log.open_requests(told.ids)
        facts = msgspec.structs.replace(_facts(told, still, at), empty=never_written(raws))
        requests = [request for request, _ in ended]
        notes = [top(requests, status) for status in sorted({r.status for r in requests if _is_listed(r.status)})]
        notes += patterns(requests, at - args.recent_s, at, zone)
        samples = [*counts(requests, at), *speeds(requests, at)]
        # Part of a day holds less than the days before it, whatever happened.
        if former and args.former_days and not cut_note(raws):
            before = unpack(former, Former)
            for more, said in (
                against_former(requests, before, args.recent_s, args.former_days, at),
                budget(requests, before, args.recent_s, args.objective_pct, at),
            ):
                samples += more
                notes += said
        evidence = _evidence(told, still)
        why = _reasons(facts, told, raws, args)
        return Reading(as_facts(facts), evidence, why, tuple(samples), (*notes, *cut_note(raws)))


def _facts(told: Told, still: list[Request], at: float) -> Facts:
    ended = told.ended
    clients = _clients(ended, told.named)
    good = max((request for request, _ in ended if _good(request.status)), key=lambda one: one.at, default=None)
    times = sorted(request.duration_s for request, _ in ended if request.duration_s is not None)
    return Facts(
        requests=len(ended),
        open_requests=len(still) if told.begins else None,
        oldest_open_s=round(max(0.0, at - still[0].at), 3) if still else 0.0 if told.begins else None,
        last_request_age_s=age(told.newest[0] if told.newest else None, at),
        slowest_s=times[-1] if times else None,
        median_s=times[len(times) // 2] if times else None,
        served=good is not None,
        last_ok_age_s=age(good, at),
        status_401=sum(request.status == 401 for request, _ in ended),
        status_429=sum(request.status == 429 for request, _ in ended),
        status_5xx=sum(_broken(request.status) for request, _ in ended),
        latest_errors=sum(_broken(request.status) for request, _ in ended[-_LATEST:]),
        latest_refused=sum(request.status in _REFUSALS for request, _ in ended[-_LATEST:]),
        clients_served=sum(_good(one.status) for one in clients),
        clients_refused=sum(one.status == 401 for one in clients),
        clients_forbidden=sum(is_turned_away(one) for one in clients),
        forbidden_row=_row(ended, told.named, is_turned_away),
        clients_limited=sum(one.status == 429 for one in clients),
        refused_row=_row(ended, told.named, lambda one: one.status == 401),
        limited_row=_row(ended, told.named, lambda one: one.status == 429),
        users_named=told.named,
    )


def _clients(ended: list[Seen], named: bool) -> list[Request]:
    """The newest request of each client; where users have names, nameless ones are strangers' knocking, not users."""
    return list({client_of(request): request for request, _ in ended if request.user or not named}.values())


def _row(ended: list[Seen], named: bool, is_one: Callable[[Request], bool]) -> int:
    """How many clients the newest requests belong to, as far back as all of them are such."""
    counted = (request for request, _ in reversed(ended) if request.user or not named)
    return len({client_of(request) for request in itertools.takewhile(is_one, counted)})


def _good(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _is_listed(status: int | None) -> TypeGuard[int]:
    return _broken(status) or status in _REFUSALS


def _broken(status: int | None) -> bool:
    return status is not None and 500 <= status < 600


def _reasons(facts: Facts, told: Told, raws: Sequence[Raw], args: Args) -> dict[str, Message]:
    path = raws[-1].origin if raws else args.path
    if not facts.requests:
        quiet = say("no request ended in the last {n} s according to {path}", n=int(args.recent_s), path=path)
        names = ("slowest_s", "median_s", "last_ok_age_s", "last_request_age_s", "open_requests", "oldest_open_s")
        return dict.fromkeys((*names, *(f"share_{kind}_pct" for kind in KINDS)), quiet)
    why = dict[str, Message]()
    if facts.open_requests is None:
        why["open_requests"] = why["oldest_open_s"] = say("{path} tells of requests only when they end", path=path)
    if facts.last_ok_age_s is None:
        nobody = say("no request ended well in the last {n} s", n=int(args.recent_s))
        why["last_ok_age_s"] = ahead_of_us(told.newest[1]) if facts.served and told.newest else nobody
    if facts.median_s is None:
        why["median_s"] = why["slowest_s"] = say("{path} does not tell how long requests took", path=path)
    if facts.last_request_age_s is None and told.newest:
        why["last_request_age_s"] = ahead_of_us(told.newest[1])
    return why


def _evidence(told: Told, still: list[Request]) -> dict[str, tuple[Evidence, ...]]:
    found: dict[str, tuple[Evidence, ...]] = {}
    ended = told.ended
    groups = {
        "status_401": [pair for pair in ended if pair[0].status == 401],
        "status_429": [pair for pair in ended if pair[0].status == 429],
        "clients_forbidden": [pair for pair in ended if pair[0].status == 403],
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
    found["forbidden_row"] = found.get("clients_forbidden", ())
    found["latest_errors"] = found.get("status_5xx", ())
    found["requests"] = found.get("last_request_age_s", ())
    return found
