"""What Nginx's access log shows of the last minutes: did requests arrive, and how did they end?

Nginx writes a line when a request is over (ngx_http_free_request): one that is stuck right now is not in it. So an
absent line is no proof by itself; the length of the silence, held against the usual gap between lines, is.
"""

from __future__ import annotations

import itertools
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo

import msgspec

from opskit.logs.host_zone import host_zone
from opskit.logs.request import Request
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.regex import regex
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.access_lines import Seen, access_record, access_requests
from opskit.probes.answer import OWN_AGENT
from opskit.probes.base import Deadline, Probe, as_facts
from opskit.probes.log_tail import AT_ONCE_BYTES, CAP_BYTES, age, collect_log, cut_note, not_ahead, of_another_clock
from opskit.probes.log_then import stood
from opskit.probes.nginx_access_latest import half, is_redirected, row, usual

_WINDOW_S = 7200.0
_ENOUGH_GAPS = 20
_LATEST = 20
_NO_SOCKET = {400, 404, 426, 502}
_OF_PAGE = regex(r"/(?:assets|static|_next|build|dist|js|css|app)/|/(?:main|app|index|bundle|style)[\w.-]*$")


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back the counts go, from `at` (epoch seconds), which is now where it is 0."""

    path: str = ""
    recent_s: float = 900.0
    at: float = 0.0


class Facts(msgspec.Struct, frozen=True):
    """Counts cover the last `recent_s` seconds, `latest_...` the newest 20 requests of them: 5xx, 4xx but 499,
    and POSTs that ended well.

    `errors_in_row` are the newest POSTs that ended in 5xx, back to the last that did not; half of them are no
    older than `errors_half_s`, which is 0 without any.

    `left_in_row` and `left_half_s` are the same for POSTs that their senders gave up (499).

    `silence_ratio` is the present silence over the longest gap before it.

    `api_requests` are POSTs below /v1/, which Nginx hands to the gateway itself, `api_not_found` those of the newest 20
    that got 404. `sockets_refused`: the UI's WebSocket (/ws, /socket.io) got 400, 404, 426 or 502; `parts_missing`: its
    scripts or styles got 404. `latest_api` are POSTs below /v1/, `latest_left` were given up (499), `latest_redirected`
    are POSTs that were sent elsewhere (3xx); `usual_failure` is the status of 4xx or 5xx that more than half of the
    newest requests ended in, 0 without one.
    """

    requests: int | None = None
    chat_requests: int | None = None
    api_requests: int | None = None
    last_request_age_s: float | None = None
    silence_ratio: float | None = None
    status_499: int | None = None
    status_502: int | None = None
    status_504: int | None = None
    server_errors: int | None = None
    latest_errors: int | None = None
    latest_refused: int | None = None
    latest_served: int | None = None
    errors_in_row: int | None = None
    errors_half_s: float | None = None
    left_in_row: int | None = None
    left_half_s: float | None = None
    status_413: int | None = None
    api_not_found: int | None = None
    sockets_refused: int | None = None
    parts_missing: int | None = None
    latest_api: int | None = None
    latest_left: int | None = None
    latest_redirected: int | None = None
    usual_failure: int | None = None


class NginxAccessProbe(Probe[Args]):
    """Reads the access log back two hours, judges the last minutes of it."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"requests", "server_errors", "last_request_age_s"})

    def defaults(self, settings: Settings) -> Args:
        """The configured access log."""
        return Args(settings.stack.nginx.access_log)

    def as_of(self, args: Args, moment: float) -> Args:
        """The log as it stood then."""
        return msgspec.structs.replace(args, at=moment)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the newest part of the log and, where it was just rotated, of the one before it."""
        since, zone = (args.at or time.time()) - _WINDOW_S, host_zone()
        room = CAP_BYTES if args.at else AT_ONCE_BYTES
        return collect_log("nginx-access.log", args.path, since, lambda line: stamp(line, zone), deadline, room)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Count what is recent, and measure the silence since the last line."""
        at, zone = now.timestamp(), now.tzinfo or host_zone()
        raws = stood(raws, args.at, lambda line: stamp(line, zone))
        times, recent = array("d"), list[Seen]()
        newest: Seen | None = None
        for request, line in not_ahead(access_requests(raws, zone, at), at):
            if request.agent == OWN_AGENT:
                continue
            times.append(request.at)
            if newest is None or request.at >= newest[0].at:
                newest = request, line
            if at - request.at <= args.recent_s:
                recent.append((request, line))
        silence = age(newest[0] if newest else None, at)
        facts = msgspec.structs.replace(
            _counted([request for request, _ in recent], at),
            last_request_age_s=silence,
            silence_ratio=None if silence is None else _silence(times, silence),
        )
        samples = tuple(Sample(name, getattr(facts, name), _unit(name), at=at) for name in sorted(self.metrics))
        return Reading(as_facts(facts), _evidence(newest, recent), _missing(newest, facts), samples, cut_note(raws))


def stamp(line: bytes, zone: tzinfo) -> float | None:
    """Return the time of a line; None where it is of no known format."""
    request = access_record(line, zone, time.time())
    return request.at if request else None


def _counted(recent: Sequence[Request], at: float) -> Facts:
    """Count what ended lately; of the silence nothing is said."""
    latest = recent[-_LATEST:]
    status = Counter(request.status for request in recent)
    errors = row(recent, lambda status: status >= 500)
    left = row(recent, lambda status: status == 499)
    return Facts(
        requests=len(recent),
        chat_requests=sum(request.method == "POST" for request in recent),
        api_requests=sum(_is_api(request) for request in recent),
        status_499=status[499],
        status_502=status[502],
        status_504=status[504],
        server_errors=sum(count for code, count in status.items() if code and 500 <= code < 600),
        sockets_refused=sum(_is_socket(request) and request.status in _NO_SOCKET for request in recent),
        parts_missing=sum(_is_part(request) and request.status == 404 for request in recent),
        errors_in_row=len(errors),
        errors_half_s=half(errors, at),
        left_in_row=len(left),
        left_half_s=half(left, at),
        latest_errors=sum((request.status or 0) >= 500 for request in latest),
        latest_refused=sum(400 <= (request.status or 0) < 499 for request in latest),
        latest_served=sum(_is_served(request) for request in latest),
        latest_api=sum(_is_api(request) for request in latest),
        latest_left=sum(request.status == 499 for request in latest),
        latest_redirected=sum(is_redirected(request) for request in latest),
        usual_failure=usual(latest),
        status_413=sum(request.status == 413 for request in latest),
        api_not_found=sum(_is_api(request) and request.status == 404 for request in latest),
    )


def _missing(newest: Seen | None, facts: Facts) -> dict[str, Message]:
    """Say why the silence is not known."""
    if newest is None:
        return dict.fromkeys(("last_request_age_s", "silence_ratio"), say("the log shows no request of a user"))
    if facts.last_request_age_s is None:
        unknown = ("last_request_age_s", "silence_ratio", "errors_half_s", "left_half_s")
        return dict.fromkeys(unknown, of_another_clock(newest[1]))
    if facts.silence_ratio is None:
        return {"silence_ratio": say("fewer than {n} lines to know the usual gap from", n=_ENOUGH_GAPS)}
    return {}


def _is_served(request: Request) -> bool:
    return request.method == "POST" and 200 <= (request.status or 0) < 300


def _is_api(request: Request) -> bool:
    return request.method == "POST" and (request.path or "").startswith("/v1/")


def _is_socket(request: Request) -> bool:
    path = (request.path or "").partition("?")[0]
    return path == "/ws" or path.startswith(("/ws/", "/socket.io", "/websocket"))


def _is_part(request: Request) -> bool:
    """Scripts and styles that a page of this site asked for; what scanners ask for has no such name."""
    path = (request.path or "").partition("?")[0]
    return request.method == "GET" and path.endswith((".js", ".css")) and bool(_OF_PAGE.match(path))


def _unit(name: str) -> str:
    return "s" if name.endswith("_s") else ""


def _silence(times: Sequence[float], silence: float) -> float | None:
    """Hold the silence against the longest gap between lines before it, at least one second (the log's precision)."""
    if len(times) <= _ENOUGH_GAPS:
        return None
    longest = max(after - before for before, after in itertools.pairwise(sorted(times)))
    return round(silence / max(1.0, longest), 2)


def _evidence(newest: Seen | None, recent: list[Seen]) -> dict[str, tuple[Evidence, ...]]:
    found: dict[str, tuple[Evidence, ...]] = {}
    if newest:
        request, line = newest
        found = dict.fromkeys(("requests", "last_request_age_s", "silence_ratio"), (line.evidence(request.at),))
    groups = {
        "chat_requests": [pair for pair in recent if pair[0].method == "POST"],
        "api_requests": [pair for pair in recent if _is_api(pair[0])],
        "status_413": [pair for pair in recent if pair[0].status == 413],
        "api_not_found": [pair for pair in recent if _is_api(pair[0]) and pair[0].status == 404],
        "sockets_refused": [pair for pair in recent if _is_socket(pair[0]) and pair[0].status in _NO_SOCKET],
        "parts_missing": [pair for pair in recent if _is_part(pair[0]) and pair[0].status == 404],
        "status_499": [pair for pair in recent if pair[0].status == 499],
        "status_502": [pair for pair in recent if pair[0].status == 502],
        "status_504": [pair for pair in recent if pair[0].status == 504],
        "server_errors": [pair for pair in recent if (pair[0].status or 0) >= 500],
    }
    for name, pairs in groups.items():
        if pairs:
            request, line = pairs[-1]
            found[name] = (line.evidence(request.at),)
    return found
