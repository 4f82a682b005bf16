"""The shape of the lines that an Nginx `log_format` writes when its values outside quotes have no blanks."""

from __future__ import annotations

import re
from collections.abc import Collection

from opskit.logs import stamp
from opskit.logs.log_format import CLIENTS, patterns, plain
from opskit.logs.log_format_parts import Escape, Part, parts_of
from opskit.logs.log_format_split import LOOSE, Loose
from opskit.logs.nginx_access import asked, given, last, number, seconds, target, text
from opskit.logs.shape import Piece, Read, Shape

# The variables that may give a field, and how; of several in one format the reader takes the first that says something.
_GIVEN: dict[str, dict[str, Read]] = {
    "at": {"msec": float, "time_iso8601": lambda raw: stamp.iso(text(raw)), "time_local": stamp.clf},
    "status": {"status": int},
    "client": dict.fromkeys(CLIENTS, given),
    "user": {"remote_user": given},
    "method": {"request": lambda raw: target(raw)[0], "request_method": given},
    "path": {"request": lambda raw: target(raw)[1], "request_uri": given, "uri": given, "document_uri": given},
    "duration_s": {"request_time": seconds},
    "first_byte_s": {"upstream_header_time": lambda raw: seconds(last(raw))},
    "size_b": {"body_bytes_sent": number, "bytes_sent": number},
    "request_id": {"request_id": given, "http_x_request_id": given, "req_id": given},
    "agent": {"http_user_agent": given},
    "upstream_status": {"upstream_status": asked},
    "upstream_addr": {"upstream_addr": given},
    "host": {"host": given, "http_host": given, "server_name": given},
}
_CERTAIN = {"time_local": stamp.CLF, "time_iso8601": rb"(?=.{10}T.{8}(?:Z|[+-].{2}:))" + stamp.ISO}
_SEPARATORS = ("\t", "|", " ")


def shape(form: str, escape: Escape, fields: Collection[str]) -> Shape | None:
    """Return the shape of the lines in which no value holds what separates values; None where that needs the reader."""
    parts = parts_of(form)
    names = [part.name for part in parts if part.name]
    reads: dict[str, dict[str, Read]] = {}
    for field in {*fields, "at", "status"} & _GIVEN.keys():
        found = [name for name in _GIVEN[field] if name in names]
        if len(found) > 1 and field not in {"at", "client"}:
            return None
        for name in found[:1]:
            reads.setdefault(name, {})[field] = _plainly(_GIVEN[field][name], escape)
    separator = _separator(parts)
    pieces = list[Piece]()
    for index, (part, pattern) in enumerate(zip(parts, patterns(parts, escape), strict=True)):
        name = part.name or ""
        if isinstance(pattern, Loose):
            quoted = parts[index - 1 : index] and parts[index - 1].text.endswith('"')
            simple = rb'[^"\n]*+' if quoted and pattern == LOOSE["none"] else _simple(name, separator)
        else:
            simple = _CERTAIN.get(name, pattern)
        if simple is None:
            return None
        pieces.append(Piece(simple, reads.get(name, {}), name))
    return Shape(tuple(pieces), _outline(parts) if escape == "default" else ())


def _separator(parts: list[Part]) -> str | None:
    """Return what stands between any two values and in none that Nginx makes itself; None where nothing does."""
    inner = parts[parts[0].name is None : len(parts) - (parts[-1].name is None)]
    texts = [part.text for part in inner if part.name is None]
    if sum(part.name is not None for part in inner) != len(texts) + 1:
        return None
    lists = any((part.name or "").startswith("upstream_") for part in inner)
    return next((text for text in _SEPARATORS if all(text in between for between in texts) and not lists), None)


def _simple(name: str, separator: str | None) -> bytes | None:
    """Return what a value outside quotes looks like that has no separator: then it can be read in one way only."""
    if separator in {None, " "}:
        return rb'[^\s"]++' if name == "remote_user" or separator else None
    return rb'[^"\n' + re.escape(separator.encode()) + rb"]*+" if separator else None


def _outline(parts: list[Part]) -> tuple[bytes, ...]:
    """Return a text that each line has once: with escape=default no value can hold a quote."""
    texts = [part.text for part in parts if part.name is None]
    once = [text for text in texts if '"' in text and len(text) > 2 and sum(map(str.count, texts, [text] * 99)) == 1]
    return (max(once, key=len).encode(),) if once else ()


def _plainly(read: Read, escape: Escape) -> Read:
    return read if escape != "json" else lambda raw: read(plain(raw) if b"\\" in raw else raw)


def around(form: str, name: str) -> tuple[bytes, bytes]:
    """Return what every line has directly before and after a variable."""
    parts = parts_of(form)
    index = next(index for index, part in enumerate(parts) if part.name == name)
    sides = [part.text if part.name is None else "" for part in (Part(None, ""), *parts, Part(None, ""))]
    return sides[index][-3:].encode(), sides[index + 2][:3].encode()
