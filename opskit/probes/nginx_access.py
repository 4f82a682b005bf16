"""What Nginx's access log shows of the last minutes: did requests arrive, and how did they end?

Nginx writes a line when a request is over (ngx_http_free_request): one that is stuck right now is not in it. So an
absent line is no proof by itself; the length of the silence, held against the usual gap between lines, is.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.logs import nginx_access as log
from opskit.logs.request import Request
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import OWN_AGENT
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.log_tail import Line, collect_log, read_lines

_WINDOW_S = 7200.0
_ENOUGH_GAPS = 20


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back the counts go."""

    path: str = ""
    recent_s: float = 900.0


class Facts(msgspec.Struct, frozen=True):
    """Counts cover the last `recent_s` seconds. `silence_ratio` is the present silence over the longest gap before.

    `api_requests` are POSTs below /v1/, which Nginx hands to the gateway itself.
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


class NginxAccessProbe(Probe[Args]):
    """Reads the access log back two hours, judges the last minutes of it."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"requests", "server_errors", "last_request_age_s"})

    def defaults(self, settings: Settings) -> Args:
        """The configured access log."""
        return Args(settings.stack.nginx.access_log)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the newest part of the log and, where it was just rotated, of the one before it."""
        return collect_log("nginx-access.log", args.path, time.time() - _WINDOW_S, _stamp, deadline)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Count what is recent, and measure the silence since the last line."""
        at = now.timestamp()
        told = [(request, line) for line in read_lines(raws) if (request := log.parse(line.data))]
        seen = [(request, line) for request, line in told if request.agent != OWN_AGENT]
        unparsed = sum(1 for _ in read_lines(raws)) - len(told)
        if unparsed and not told:
            raise ProbeError(say("{path}: no line has a known format", path=raws[-1].origin))
        recent = [(request, line) for request, line in seen if at - request.at <= args.recent_s]
        status = Counter(request.status for request, _ in recent)
        last = max((request.at for request, _ in seen), default=None)
        facts = Facts(
            requests=len(recent),
            chat_requests=sum(request.method == "POST" for request, _ in recent),
            api_requests=sum(_is_api(request) for request, _ in recent),
            last_request_age_s=None if last is None else round(max(0.0, at - last), 3),
            silence_ratio=None if last is None else _silence([request.at for request, _ in seen], at - last),
            status_499=status[499],
            status_502=status[502],
            status_504=status[504],
            server_errors=sum(count for code, count in status.items() if code and 500 <= code < 600),
        )
        samples = tuple(Sample(name, getattr(facts, name), _unit(name), at=at) for name in sorted(self.metrics))
        why = {} if seen else dict.fromkeys(("last_request_age_s", "silence_ratio"), say("the log is empty"))
        if seen and facts.silence_ratio is None:
            why["silence_ratio"] = say("fewer than {n} lines to know the usual gap from", n=_ENOUGH_GAPS)
        return Reading(as_facts(facts), _evidence(seen, recent), why, samples)


def _stamp(line: bytes) -> float | None:
    request = log.parse(line)
    return request.at if request else None


def _is_api(request: Request) -> bool:
    return request.method == "POST" and (request.path or "").startswith("/v1/")


def _unit(name: str) -> str:
    return "s" if name.endswith("_s") else ""


def _silence(times: list[float], silence: float) -> float | None:
    """Hold the silence against the longest gap between lines before it, at least one second (the log's precision)."""
    gaps = [after - before for before, after in itertools.pairwise(sorted(times))]
    if len(gaps) < _ENOUGH_GAPS:
        return None
    return round(silence / max(1.0, *gaps), 2)


def _evidence(seen: list[tuple[Request, Line]], recent: list[tuple[Request, Line]]) -> dict[str, tuple[Evidence, ...]]:
    found: dict[str, tuple[Evidence, ...]] = {}
    if seen:
        request, line = max(seen, key=lambda pair: pair[0].at)
        newest = (line.evidence(request.at),)
        found = dict.fromkeys(("requests", "last_request_age_s", "silence_ratio"), newest)
    groups = {
        "chat_requests": [pair for pair in recent if pair[0].method == "POST"],
        "api_requests": [pair for pair in recent if _is_api(pair[0])],
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
