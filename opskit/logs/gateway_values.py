"""The values of a gateway's record, each as a part of the request says it; None where it cannot be read."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import tzinfo

from opskit.logs import stamp
from opskit.logs.gateway_fields import Role
from opskit.logs.nginx_access import target
from opskit.logs.redact import redact
from opskit.logs.request import sound
from opskit.model.regex import regex

_TEXT_LIMIT = 1000
_NUMBER = regex(r"-?[0-9]{1,20}(?:\.[0-9]{1,12})?")
_WITH_PORT = regex(r"([0-9.]+):[0-9]+|\[([0-9A-Fa-f:.%]+)\](?::[0-9]+)?")
_UNITS = {"毫秒": "ms", "微秒": "us", "秒": "s"}
_CHINESE_UNIT = regex("|".join(_UNITS))
_MASKED = regex(r"[^*.…]{0,8}(?:\*{2,}|\.{3}|…)[^*.…]{0,6}|\[?redacted\]?", re.IGNORECASE)


def value_of(role: Role, value: object, bare_unit: float, zone: tzinfo) -> object:
    if role.line:
        return _target(value)[role.field == "path"]
    if role.field in {"duration", "first_byte"}:
        return _seconds(value, role.unit or bare_unit)
    if role.field in {"at", "began", "streamed"}:
        return _moment(value, zone)
    return _READERS[role.field](value)


def _target(value: object) -> tuple[str | None, str | None]:
    said = _text(value)
    return target(said.encode("utf-8", "surrogateescape")) if said else (None, None)


def _number(value: object) -> float | None:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _seconds(value: object, unit: float) -> float | None:
    number = _number(value)
    if number is None and isinstance(value, str):
        return stamp.go_duration(_CHINESE_UNIT.sub(lambda unit: _UNITS[unit[0]], value).replace(" ", ""))
    return number * unit if number is not None and number >= 0 else None


def _moment(value: object, zone: tzinfo) -> float | None:
    """Read a time. Seconds since 1970 stay below 1e11 until the year 5138, so the size tells s, ms, µs and ns apart."""
    number = _number(value)
    if number is None:
        return _written(value, zone) if isinstance(value, str) else None
    for limit, unit in ((1e11, 1.0), (1e14, 1e-3), (1e17, 1e-6), (1e20, 1e-9)):
        if 0 < number < limit:
            return number * unit
    return None


def _written(text: str, zone: tzinfo) -> float | None:
    """Read ISO 8601, Nginx's `22/Nov/2026:13:00:01 +0800` or Go's `2026/11/22 13:00:01`."""
    if "/" not in text[:12]:
        return stamp.iso(text, zone)
    try:
        return stamp.clf(text.strip(" []").encode())
    except ValueError:
        return stamp.gin(text, zone)


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number >= 0 and number.is_integer() else None


def _status(value: object) -> int | None:
    count = _count(value)
    return count if count is not None and count <= 999 else None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int) or value in {"", "-"}:
        return None
    return sound(str(value)[:_TEXT_LIMIT])


def _address(value: object) -> str | None:
    text = _text(value)
    match = _WITH_PORT.fullmatch(text) if text and ":" in text else None
    return match[1] or match[2] if match else text


def named(value: object) -> str | None:
    text = _text(value)
    return text.lower().replace("_", ".").replace("-", ".").replace(" ", ".") if text else None


def _error(value: object) -> str | None:
    text = _text(value)
    return redact(text) if text else None


def _fingerprint(value: object) -> str | None:
    """Return `key-` and eight digits of a hash: enough to tell keys apart, nothing to log in with."""
    text = _text(value)
    if text is None or _MASKED.fullmatch(text):
        return text
    from hashlib import sha256  # it loads a library for what most gateways do not write

    secret = text.removeprefix("Bearer ").encode("utf-8", "surrogateescape")
    return f"key-{sha256(secret).hexdigest()[:8]}"


_READERS: dict[str, Callable[[object], object]] = {
    **dict.fromkeys(("user", "method", "path", "request_id", "agent", "model", "key_name", "host"), _text),
    **dict.fromkeys(("size", "prompt_tokens", "completion_tokens", "prompt_chars"), _count),
    "status": _status,
    "client": _address,
    "secret": _fingerprint,
    "error": _error,
    "event": named,
    **dict.fromkeys(("upstream_status", "upstream_addr"), _text),
    "upstream_time": lambda value: _text(f"{value:.3f}" if isinstance(value, float) else value),
    "complete": lambda value: value if isinstance(value, bool) else None,
}
