"""Times and sizes as Nginx writes them (ngx_parse.c)."""

from __future__ import annotations

import re

from opskit.model.message import say
from opskit.model.regex import regex
from opskit.probes.nginx_config_level import DoubtError

_SECONDS = {"y": 31536000.0, "M": 2592000.0, "w": 604800.0, "d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_TIME = regex(r"\s*(\d{1,12})(ms|[yMwdhms])?", re.ASCII)
_SIZE = regex(r"(\d{1,12})([kmg]?)", re.ASCII | re.IGNORECASE)
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def seconds(text: str) -> float:
    """Return a time like `60s`, `10m`, `1h 30m` or `90` in seconds. Raises DoubtError where it is none."""
    total, end = 0.0, 0
    while end < len(text):
        found = _TIME.match(text, end)
        if found is None:
            raise _wrong(text)
        total += int(found[1]) * _SECONDS[found[2] or "s"]
        end = found.end()
    if not end:
        raise _wrong(text)
    return round(total, 3)


def size(text: str) -> int:
    """Return a size like `1m` in bytes, -1 for 0, which means no limit here. Raises DoubtError where it is none."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise _wrong(text)
    return int(found[1]) * _BYTES[found[2].lower()] or -1


def _wrong(text: str) -> DoubtError:
    return DoubtError(say("{text} is no value that Nginx takes", text=text[:60]))
