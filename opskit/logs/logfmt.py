r"""Lines of `key=value` pairs to Requests, with the names and units of `gateway_fields`.

Values with blanks stand in quotes, in which Go escapes `"`, `\` and controls (log/slog text_handler.go, go-logfmt).
"""

from __future__ import annotations

import json
import re
from datetime import UTC, tzinfo
from typing import Any

from opskit.logs import gateway
from opskit.logs.gateway_fields import TimeUnit
from opskit.logs.request import Request
from opskit.model.regex import regex

_VALUE = rb'"(?:[^"\\]|\\.)*+"|[^\s"]*+'
_PAIR = regex(rb'([^\s="]++)=(' + _VALUE + rb")(?:[ \t]++|$)", re.DOTALL)


def parse(line: bytes, time_unit: TimeUnit = "s", zone: tzinfo = UTC) -> Request | None:
    """Return the request of one line; None where it is not made of pairs, has no time, or tells of no request."""
    record = pairs(line)
    return gateway.told(record, time_unit, zone) if record is not None else None


def pairs(line: bytes) -> dict[str, Any] | None:
    """Return the pairs of a line, None where there is anything else.

    Of a key that occurs twice the first counts: what a client smuggles in stands behind what the program wrote.
    """
    line = line.strip()
    record, end = dict[str, Any](), 0
    while pair := _PAIR.match(line, end):
        record.setdefault(_text(pair[1]), _plain(pair[2]))
        end = pair.end()
    return record if record and end == len(line) else None


def _plain(value: bytes) -> str:
    text = _text(value)
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text, strict=False))
    except ValueError:  # an escape of Go that JSON does not know, such as \x00: the text is still worth showing
        return text[1:-1]


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
