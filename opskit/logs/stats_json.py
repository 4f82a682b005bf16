"""The answers of `stats` and `slow` in the types of JSON."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import msgspec

from opskit.logs.account import bare_unit
from opskit.logs.account_json import account_json, moment, shown, window_json
from opskit.logs.request import Request
from opskit.logs.slow import TOLD, Slow
from opskit.logs.stats import Stats


def stats_json(answer: Stats, zone: tzinfo) -> dict[str, Any]:
    """Return the answer in JSON types: times as ISO 8601 in `zone`, durations in seconds.

    `bare_durations` is the unit in which durations were taken that name none.
    """
    return {
        **window_json(answer.window, zone),
        **account_json(answer.account, zone),
        "by_status": answer.by_status,
        "bare_durations": bare_unit(answer.account),
        "latency": msgspec.structs.asdict(answer.latency),
        "latency_by_class": {name: msgspec.structs.asdict(found) for name, found in answer.by_class.items()},
        "per_minute": {str(moment(at, zone)): number for at, number in answer.per_minute.items()},
        "first": moment(answer.first, zone),
        "last": moment(answer.last, zone),
        "gaps": [{"since": moment(begin, zone), "until": moment(end, zone)} for begin, end in answer.gaps],
    }


def slow_json(answer: Slow, zone: tzinfo) -> dict[str, Any]:
    """Return the answer in JSON types, the slowest first."""
    return {
        **window_json(answer.window, zone),
        **account_json(answer.account, zone),
        "bare_durations": bare_unit(answer.account),
        "timed": answer.timed,
        "over": answer.over,
        "slowest": [_told(request, zone) for request in answer.slowest],
    }


def _told(request: Request, zone: tzinfo) -> dict[str, Any]:
    told = {name: getattr(request, name) for name in TOLD}
    clean = {name: shown(value) if isinstance(value, str) else value for name, value in told.items()}
    return {**clean, "at": moment(request.at, zone)}
