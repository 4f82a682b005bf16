r"""An Nginx `log_format` compiled to the reader of its lines.

With escape=default Nginx writes every `"` and `\` of a value as `\xHH` and a missing value as `-`; with escape=json it
escapes only `"`, `\` and controls, and a missing value is empty (ngx_http_log_module.c). A quoted value is therefore
exact. Numbers, times and the lists of `$upstream_*` are written by Nginx itself and matched by what it can write.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

from opskit.logs import stamp
from opskit.logs.log_format_parts import Escape, Part, ends_itself, parts_of
from opskit.logs.log_format_split import LOOSE, splitter
from opskit.logs.nginx_access import asked, completed, given, last, number, seconds, target, text
from opskit.logs.request import Request, sound
from opskit.model.regex import regex

# Who asked: what stands in a header only where the format has no address.
CLIENTS = ("remote_addr", "realip_remote_addr", "proxy_protocol_addr", "http_x_real_ip", "http_x_forwarded_for")
_SECONDS = rb"[0-9]+\.[0-9]{1,9}"
_TIMES = {
    "time_local": rb"[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}",
    "time_iso8601": rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[+-][0-9]{2}:[0-9]{2}|Z)",
    "msec": rb"[0-9]{9,11}\.[0-9]{3}",
}


_LISTED: dict[str, bytes] = {
    **dict.fromkeys(("upstream_response_time", "upstream_header_time", "upstream_connect_time"), _SECONDS),
    **dict.fromkeys(
        ("upstream_status", "upstream_response_length", "upstream_bytes_received", "upstream_bytes_sent"), rb"[0-9]++"
    ),
}
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
    **dict.fromkeys(("remote_port", "server_port", "proxy_port", "realip_remote_port"), rb"(?:[0-9]++|-|)"),
    "upstream_cache_status": rb"(?:[A-Z]{1,20}+|-|)",
}
# Values without blanks. Any other may hold some, and then a client could write what looks like the next fields.
_BLANKLESS = regex(
    r"(?:binary_)?remote_addr|realip_remote_addr|host|hostname|server_\w+|scheme|request_method"
    r"|request_uri|args|query_string|is_args|https|req_id|proxy_(?:alternative_)?upstream_name|ssl_(?:protocol|cipher)"
    r"|gzip_ratio|nginx_version|pid|tcpinfo_\w+|limit_rate|namespace|ingress_name|service_name|service_port"
)
# The address of a server, or (where none could be picked) the name of an upstream, which is no number.
_HOST_AND_PORT = rb"[0-9.]{7,15}+:[0-9]{1,5}+|\[[0-9A-Fa-f:.]++\]:[0-9]{1,5}+|(?=[^\s,\"]*[A-Za-z])"
_IN_ADDRESSES = frozenset({":", "."})
# With escape=none quotes do not keep values apart either.
_QUOTED: dict[Escape, bytes] = {**{escape: bytes(reach) for escape, reach in LOOSE.items()}, "none": LOOSE["none"]}


def compiled(form: str, escape: Escape = "default") -> Callable[[bytes], Request | None]:
    """Return the reader of one line, without its line end, that Nginx wrote with this format.

    A line that the format cannot have written is None, and so is one that leaves open what the status or the time is;
    another value that cannot be told from its neighbour is left out. ValueError says why a format cannot be read: no
    status, no time, or nothing that tells where one of them ends.
    """
    parts = parts_of(form)
    names = {part.name for part in parts}
    if "status" not in names:
        raise ValueError("log_format: without $status nothing tells how a request ended")
    if not names & _TIMES.keys():
        raise ValueError("log_format: without $time_local, $time_iso8601 or $msec nothing tells when a request ended")
    split = splitter([(part.name, pattern) for part, pattern in zip(parts, patterns(parts, escape), strict=True)])
    client = next((name for name in CLIENTS if name in names), "")

    def parse(line: bytes) -> Request | None:
        values = split(line)
        if values is None or "status" not in values:
            return None
        return _request(_unescaped(values) if escape == "json" else values, client)

    return parse


def patterns(parts: list[Part], escape: Escape) -> Iterator[bytes]:
    """Yield what each part may look like, without groups."""
    nothing = Part(None, "")
    for before, part, after in zip([nothing, *parts], parts, [*parts[1:], nothing], strict=False):
        yield re.escape(part.text.encode()) if part.name is None else _value(part, before, after, escape)


def _value(part: Part, before: Part, after: Part, escape: Escape) -> bytes:
    name = part.name or ""
    if after.name is not None and name not in _TYPED and ends_itself(part, after):
        return rb'[^\s"/]*+'
    end = after.text[:1] if after.name is None else ""
    # Behind a comma another try may stand, or another value: what fits decides.
    several = after.text[:2] in {", ", " :"} or (name == "upstream_addr" and end in _IN_ADDRESSES)
    if name == "upstream_addr":
        return _listed((_HOST_AND_PORT if several else b"") + _unbroken(end, b","), several)
    if name in _LISTED:
        return _listed(_LISTED[name], several)
    if name in _TYPED:
        return _TYPED[name]
    if (before.name, before.text[-1:], end) == (None, '"', '"'):
        return _QUOTED[escape]
    if not _BLANKLESS.fullmatch(name):
        return LOOSE[escape]
    return _unbroken(end, rb"\xef" if name == "remote_addr" else b"")  # a byte order mark is no part of an address


def _listed(item: bytes, several: bool) -> bytes:
    """Tries are joined by `, `, internal redirects by ` : `; an item may be `-` or empty."""
    item = b"(?:" + item + b"|-|)"
    return item + b"(?:(?:, | : )" + item + (b"){0,63}" if several else b")*+")


def _unbroken(end: str, taboo: bytes = b"") -> bytes:
    """Return what a value without blanks looks like before a text that begins with `end`."""
    if end in _IN_ADDRESSES:  # of those that could end it, the last one does
        return rb"[^\s\"" + taboo + rb"]*"
    stop = re.escape(end.encode()) if end.strip() and end.isascii() else b""
    address = rb"\[[0-9A-Fa-f:.]++\](?::[0-9]++)?|" if end == "]" else b""
    return address + rb"[^\s\"" + taboo + stop + rb"]*+"


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


def _request(values: dict[str, bytes], client: str) -> Request | None:
    at = _at(values)
    if at is None:
        return None
    method, path = target(values.get("request", b""))
    uri = values.get("request_uri") or values.get("uri") or values.get("document_uri")
    size = values.get("body_bytes_sent") or values.get("bytes_sent") or b"-"
    return Request(
        at=at,
        status=int(values["status"]),
        client=_first(values, client),
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
