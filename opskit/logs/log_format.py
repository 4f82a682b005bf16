r"""An Nginx `log_format` compiled to the reader of its lines.

With escape=default Nginx writes every `"` and `\` of a value as `\xHH` and a missing value as `-`; with escape=json it
escapes only `"`, `\` and controls, and a missing value is empty (ngx_http_log_module.c). A quoted value is therefore
exact. Numbers, times and the lists of `$upstream_*` are written by Nginx itself and matched by what it can write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Literal, NamedTuple

from opskit.logs import stamp
from opskit.logs.nginx_access import asked, completed, given, last, number, seconds, target, text
from opskit.logs.request import Request, sound

Escape = Literal["default", "json", "none"]

_VARIABLE = re.compile(r"\$(?:([a-z0-9_]+)|\{([a-z0-9_]+)\})", re.IGNORECASE)
_SECONDS = rb"[0-9]+\.[0-9]{1,9}"
_TIMES = {
    "time_local": rb"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "time_iso8601": rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[+-][0-9]{2}:[0-9]{2}|Z)",
    "msec": rb"[0-9]{9,11}\.[0-9]{3}",
}


def _listed(item: bytes) -> bytes:
    """Tries are joined by `, `, internal redirects by ` : `; an item may be `-` or empty."""
    item = b"(?:" + item + b"|-|)"
    return item + b"(?:(?:, | : )" + item + b")*+"


_TYPED: dict[str, bytes] = {
    **_TIMES,
    "status": rb"[0-9]{3}",
    "request_time": _SECONDS,
    **dict.fromkeys(("body_bytes_sent", "bytes_sent", "request_length"), rb"(?:[0-9]++|-)"),
    **dict.fromkeys(("connection", "connection_requests", "connections_active"), rb"[0-9]++"),
    "pipe": rb"[p.]",
    "request_completion": rb"(?:OK|-|)",
    "limit_req_status": rb"(?:[A-Z_]{1,20}|-|)",
    "request_id": rb"(?:[0-9a-f]{32}|-|)",
    **dict.fromkeys(("upstream_response_time", "upstream_header_time", "upstream_connect_time"), _listed(_SECONDS)),
    **dict.fromkeys(
        ("upstream_status", "upstream_response_length", "upstream_bytes_received", "upstream_bytes_sent"),
        _listed(rb"[0-9]++"),
    ),
    "upstream_addr": _listed(rb"[^\s,\"]++"),
}
# Values without blanks. Any other may hold some, and then a client could write what looks like the next fields: such a
# line counts only where the shortest and the longest reading are the same. Reading takes up to length ** values.
_BLANKLESS = re.compile(
    r"(?:binary_)?remote_addr|remote_port|realip_remote_(?:addr|port)|host|hostname|server_\w+|scheme|request_method"
    r"|request_uri|args|query_string|https|req_id|proxy_(?:alternative_)?upstream_name|ssl_(?:protocol|cipher)"
    r"|gzip_ratio|nginx_version|pid|tcpinfo_\w+|limit_rate|namespace|ingress_name|service_name|service_port"
)
LOOSE = rb'[^"\n]*?'
_LONGEST = {1: 8192, 2: 2048}
# With escape=none a quote inside a value makes the line ambiguous: it is left unread rather than guessed at.
_QUOTED: dict[Escape, bytes] = {"json": rb'(?:[^"\\\n]|\\.)*+', **dict.fromkeys(("default", "none"), rb'[^"\n]*+')}


class Part(NamedTuple):
    """A variable, or with `name` None the text between two."""

    name: str | None
    text: str


def parts_of(form: str) -> Iterator[Part]:
    """Split a format into variables and the texts between them."""
    end = 0
    for found in _VARIABLE.finditer(form):
        if found.start() > end:
            yield Part(None, form[end : found.start()])
        yield Part(found[1] or found[2], found[0])
        end = found.end()
    if end < len(form):
        yield Part(None, form[end:])


def compiled(form: str, escape: Escape = "default") -> Callable[[bytes], Request | None]:
    """Return the reader of one line, without its line end, that Nginx wrote with this format.

    A line that the format cannot have written is None. ValueError says why a format cannot be read: no status, no
    time, or two values with nothing between them to tell where one ends.
    """
    parts = list(parts_of(form))
    names = {part.name for part in parts}
    if "status" not in names:
        raise ValueError("log_format: without $status nothing tells how a request ended")
    if not names & _TIMES.keys():
        raise ValueError("log_format: without $time_local, $time_iso8601 or $msec nothing tells when a request ended")
    for one, other in pairwise(parts):
        if one.name and other.name:
            raise ValueError(f"log_format: nothing stands between {one.text} and {other.text}")
    read = _reader(
        [b"(" + text + b")" if part.name else text for part, text in zip(parts, patterns(parts, escape), strict=True)]
    )
    groups = [part.name for part in parts if part.name]

    def parse(line: bytes) -> Request | None:
        found = read(line)
        if found is None:
            return None
        values = dict(zip(reversed(groups), reversed(found), strict=True))
        return _request(_unescaped(values) if escape == "json" else values)

    return parse


def _reader(pieces: list[bytes]) -> Callable[[bytes], tuple[bytes, ...] | None]:
    """Return what splits a line into the values of its variables; None where it can be split in several ways."""
    loose = sum(piece == b"(" + LOOSE + b")" for piece in pieces)
    shortest = re.compile(b"".join(pieces), re.DOTALL)
    if not loose:
        return lambda line: match.groups() if (match := shortest.fullmatch(line)) else None
    if loose not in _LONGEST:
        raise ValueError("log_format: more than two values may hold blanks and stand outside quotes; quote them")
    limit = _LONGEST[loose]
    longest = re.compile(b"".join(pieces).replace(LOOSE, LOOSE[:-1]), re.DOTALL)

    def read(line: bytes) -> tuple[bytes, ...] | None:
        match = shortest.fullmatch(line) if len(line) <= limit else None
        other = longest.fullmatch(line) if match else None
        return match.groups() if match and other and match.groups() == other.groups() else None

    return read


def patterns(parts: list[Part], escape: Escape) -> Iterator[bytes]:
    """Yield what each part may look like, without groups."""
    for index, part in enumerate(parts):
        if part.name is None:
            yield re.escape(part.text.encode())
            continue
        before = parts[index - 1].text if index else ""
        after = parts[index + 1].text if index + 1 < len(parts) else ""
        yield _value(part.name, before.endswith('"') and after.startswith('"'), after[:1], escape)


def _value(name: str, quoted: bool, end: str, escape: Escape) -> bytes:
    if name in _TYPED:
        return _TYPED[name]
    if quoted:
        return _QUOTED[escape]
    if not _BLANKLESS.fullmatch(name):
        return LOOSE
    stop = re.escape(end.encode()) if end.strip() and end.isascii() else b""
    return rb"[^\s\"" + stop + rb"]*+"


def _unescaped(values: dict[str, bytes]) -> dict[str, bytes]:
    """Undo escape=json. Bytes that are not UTF-8 stay as they are."""
    return {name: plain(value) if b"\\" in value else value for name, value in values.items()}


def plain(value: bytes) -> bytes:
    """Undo escape=json in one value, as far as it is JSON."""
    try:
        whole = json.loads(b'"' + value + b'"' if value.isascii() else f'"{text(value)}"', strict=False)
    except ValueError:
        return value
    return sound(str(whole)).encode("utf-8", "surrogateescape")


def _request(values: dict[str, bytes]) -> Request | None:
    at = _at(values)
    if at is None:
        return None
    method, path = target(values.get("request", b""))
    uri = values.get("request_uri") or values.get("uri")
    size = values.get("body_bytes_sent") or values.get("bytes_sent") or b"-"
    return Request(
        at=at,
        status=int(values["status"]),
        client=_first(values, "remote_addr"),
        user=_first(values, "remote_user"),
        method=method or given(values.get("request_method")),
        path=path or given(uri),
        duration_s=seconds(values.get("request_time")),
        first_byte_s=seconds(last(values.get("upstream_header_time"))),
        size_b=number(size),
        request_id=_first(values, "request_id", "http_x_request_id", "req_id"),
        agent=_first(values, "http_user_agent"),
        upstream_status=asked(values.get("upstream_status")),
        host=_first(values, "host", "http_host", "server_name"),
        connection=number(values.get("connection", b"")),
        upstream_addr=_first(values, "upstream_addr"),
        upstream_time=_first(values, "upstream_response_time"),
        complete=completed(values.get("request_completion")),
    )


def _first(values: dict[str, bytes], *names: str) -> str | None:
    """Return the first of these variables that says something."""
    return next((said for name in names if (said := given(values.get(name))) is not None), None)


def _at(values: dict[str, bytes]) -> float | None:
    """Read the most exact of the times."""
    if "msec" in values:
        return float(values["msec"])
    if "time_iso8601" in values:
        return stamp.iso(text(values["time_iso8601"]))
    try:
        return stamp.clf(values["time_local"])
    except ValueError:
        return None
