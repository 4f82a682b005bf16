"""The last line of a service's log: when it was written, and what it says where that tells of an end.

A chat's log may hold what people wrote. So a line is kept for its time; for its words only where they are of trouble
or of an end.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from opskit.logs.redact import redact
from opskit.model.regex import regex

_TIME = regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?")
_TELLING = regex(r"error|fatal|panic|exception|warn|kill|stop|shut|exit|signal|eaddr|enospc|memory", re.IGNORECASE)
_LEVELS = {"warn", "warning", "error", "fatal", "critical", "panic"}
_NEAR = 80
_LONGEST, _SHOWN = 2000, 120


def kept(line: str) -> str:
    """What of a log line goes into the evidence."""
    fields = _fields(line)
    meta = fields.get("_meta")
    level = fields.get("level") or (meta.get("logLevelName") if isinstance(meta, dict) else None)
    if str(level).lower() in _LEVELS or _TELLING.search(_said(fields, "" if fields else line)):
        return redact(line)[:_LONGEST]
    return next((found[0] for each in _dated(fields, line[:_NEAR]) if (found := _TIME.search(each))), "")


def line_of(line: str, now: datetime) -> tuple[float | None, str]:
    """Return the time of a kept line in epoch seconds, and what it says; a time without a zone is the host's."""
    fields = _fields(line)
    match = next((found for each in _dated(fields, line) if (found := _TIME.search(each))), None)
    said = "" if match and match[0] == line else _said(fields, line)
    try:
        at = datetime.fromisoformat(match[0].replace(",", ".")) if match else None
        at = at.replace(tzinfo=now.tzinfo) if at and at.tzinfo is None else at
        return at.timestamp() if at else None, said[:_SHOWN]
    except (ValueError, OverflowError, OSError):
        return None, said[:_SHOWN]


def _dated(fields: dict[str, Any], line: str) -> list[str]:
    """Where a line may hold its time: tslog's `time` and `_meta.date`, other loggers' `timestamp`, its beginning."""
    meta = fields.get("_meta")
    places = [fields.get("time"), meta.get("date") if isinstance(meta, dict) else None, fields.get("timestamp"), line]
    return [each for each in places if isinstance(each, str)]


def _said(fields: dict[str, Any], line: str) -> str:
    """The words of a line: tslog numbers what it is given to log, the subsystem first."""
    return next((fields[key] for key in ("message", "msg", "2", "1", "0") if isinstance(fields.get(key), str)), line)


def _fields(line: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return {}
    return found if isinstance(found, dict) else {}
