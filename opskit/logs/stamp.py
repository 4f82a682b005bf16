"""Time stamps of the log formats, to seconds since the epoch. Every parser of the room reads times through here.

A stamp that names its zone is exact. One that does not needs the writer's zone as an argument; in the hour that a
change to winter time repeats, the first of the two moments is meant.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from opskit.model.regex import regex

_MONTHS = {
    name: number
    for number, name in enumerate(
        (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"), 1
    )
}
_CLF = regex(rb"([0-9]{2})/([A-Z][a-z]{2})/([0-9]{4}):([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})")
_ISO = regex(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,12}))?"
    r" ?(?:(Z|UTC)|([+-])([0-9]{2}):?([0-9]{2})?)?"
)
_SLASHED = regex(r"([0-9]{4})/([0-9]{2})/([0-9]{2})(?: -)? ([0-9]{2}):([0-9]{2}):([0-9]{2})")
_SYSLOG = regex(r"(\S{1,12}) +([0-9]{1,2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")
_GO_PART = regex(r"([0-9]{1,20}(?:\.[0-9]{0,20})?)(h|ms|m|s|\u00b5s|\u03bcs|us|ns)")
_GO_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "us": 1e-6, "ns": 1e-9}
_DAY = 86400.0

# Times that `clf` and `iso` certainly read: only those that exist, but for the 29th of February.
_LONG, _SHORT = rb"(?:Jan|Mar|May|Jul|Aug|Oct|Dec)", rb"(?:Apr|Jun|Sep|Nov)"
_DATE = rb"(?:(?:0[1-9]|1\d|2[0-8])/(?:" + _LONG + rb"|" + _SHORT + rb"|Feb)|(?:29|30)/(?:" + _LONG + rb"|" + _SHORT
_CLOCK = rb"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d"
CLF = _DATE + rb")|31/" + _LONG + rb")/[1-9]\d{3}:" + _CLOCK + rb" [+-](?:[01]\d|2[0-3])[0-5]\d"
_MONTH_DAY = rb"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
ISO = rb"[12]\d{3}-" + _MONTH_DAY + rb"[T ]" + _CLOCK + rb"(?:[.,]\d{1,12})?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)?"
_CLF_LENGTH = 26


def clf(text: bytes) -> float:
    """Return the time of `22/Nov/2026:13:00:01 +0800`; ValueError for anything else.

    Months are English whatever the locale, as Nginx and Apache write them (ngx_times.c).
    """
    second = text[18:20]
    if len(text) != _CLF_LENGTH or not second.isdigit() or second > b"59":
        raise ValueError(f"not a common log time: {text[:40]!r}")
    return _minute(text[:18] + b"00" + text[20:]) + int(second)


@lru_cache(maxsize=4096)
def _minute(text: bytes) -> float:
    """Read a stamp whose seconds are 00: consecutive lines share their minute, so the cache nearly always answers."""
    match = _CLF.fullmatch(text)
    if match is None:
        raise ValueError(f"not a common log time: {text[:40]!r}")
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    if month not in _MONTHS or int(zone_minutes) > 59 or int(zone_hours) > 23:
        raise ValueError(f"not a common log time: {text[:40]!r}")
    offset = int(zone_hours) * 3600 + int(zone_minutes) * 60
    moment = datetime(int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    return moment.timestamp() + (offset if sign == b"-" else -offset)


def iso(text: str, zone: tzinfo | None = None) -> float | None:
    """Return the time of an ISO 8601 stamp with `T` or a blank, `.` or `,` before the fraction; None for other text.

    `zone` is for stamps that name none; without it they are None, because guessing would be off by hours.
    """
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    *parts, fraction, utc, sign, hours, minutes = match.groups()
    try:
        where = _zone(utc, sign, hours, minutes) or zone
        if where is None:
            return None
        whole = _moment(parts, where)
    except (ValueError, OverflowError):
        return None
    return whole + float(f"0.{fraction}") if fraction else whole


def _zone(utc: str | None, sign: str | None, hours: str | None, minutes: str | None) -> tzinfo | None:
    if utc:
        return UTC
    if sign is None:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    return timezone(-offset if sign == "-" else offset)


def gin(text: str, zone: tzinfo) -> float | None:
    """Return the time of `2026/11/22 - 13:00:01` (gin logger.go) or `2026/11/22 13:00:01` (Go log, Nginx errors)."""
    match = _SLASHED.fullmatch(text)
    if match is None:
        return None
    try:
        return _moment(match.groups(), zone)
    except (ValueError, OverflowError):
        return None


def slog(line: str) -> float | None:
    """Return the time of a Go slog line `time=2026-11-22T13:00:01.123+08:00 level=...`, None for other lines."""
    if not line.startswith("time="):
        return None
    return iso(line[5:50].partition(" ")[0].strip('"'))


def syslog(text: str, zone: tzinfo, newest: float) -> float | None:
    """Return the time of `Nov 22 13:00:01`, in the latest year that does not put it after `newest` (plus a day).

    The traditional syslog stamp has no year (RFC 3164, 4.1.2). Months are English, or a number before `月`.
    """
    match = _SYSLOG.fullmatch(text)
    month = _month(match.group(1)) if match else None
    if match is None or month is None:
        return None
    year = datetime.fromtimestamp(newest, zone).year
    for candidate in (year + 1, year, year - 1):
        try:
            at = _moment((str(candidate), str(month), *match.groups()[1:]), zone)
        except (ValueError, OverflowError):
            continue
        if at <= newest + _DAY:
            return at
    return None


def _month(name: str) -> int | None:
    if name.endswith("月") and name[:-1].isascii() and name[:-1].isdigit():
        return int(name[:-1])
    return _MONTHS.get(name[:3].capitalize().encode("utf-8", "replace"))


def _moment(parts: tuple[str, ...] | list[str], zone: tzinfo) -> float:
    year, month, day, hour, minute, second = (int(part) for part in parts)
    return datetime(year, month, day, hour, minute, second, tzinfo=zone).timestamp()


def go_duration(text: str) -> float | None:
    """Return the seconds of a Go `time.Duration`: `16.724µs`, `1m10s`, `1h24m39s`, `0s`; None for other text."""
    text = text.strip()
    negative, text = text.startswith("-"), text.removeprefix("-")
    total, end = 0.0, 0
    while end < len(text):
        part = _GO_PART.match(text, end)
        if part is None:
            return None
        total += float(part[1]) * _GO_UNITS[part[2]]
        end = part.end()
    if not end or not math.isfinite(total):
        return None
    return -total if negative else total
