"""The shape of the lines that an Nginx `log_format` writes when its values outside quotes have no blanks."""

from __future__ import annotations

from collections.abc import Collection

from opskit.logs import stamp
from opskit.logs.log_format import LOOSE, Escape, Part, parts_of, patterns, plain
from opskit.logs.nginx_access import asked, given, last, number, seconds, target, text
from opskit.logs.shape import Piece, Read, Shape

# The variables that may give a field, and how; of several in one format the reader takes the first that says something.
_GIVEN: dict[str, dict[str, Read]] = {
    "at": {"msec": float, "time_iso8601": lambda raw: stamp.iso(text(raw)), "time_local": stamp.clf},
    "status": {"status": int},
    "client": {"remote_addr": given},
    "user": {"remote_user": given},
    "method": {"request": lambda raw: target(raw)[0], "request_method": given},
    "path": {"request": lambda raw: target(raw)[1], "request_uri": given, "uri": given},
    "duration_s": {"request_time": seconds},
    "first_byte_s": {"upstream_header_time": lambda raw: seconds(last(raw))},
    "size_b": {"body_bytes_sent": number, "bytes_sent": number},
    "request_id": {"request_id": given, "http_x_request_id": given, "req_id": given},
    "agent": {"http_user_agent": given},
    "upstream_status": {"upstream_status": asked},
    "upstream_addr": {"upstream_addr": given},
    "host": {"host": given, "http_host": given, "server_name": given},
}
_CERTAIN = {"time_local": stamp.CLF, "time_iso8601": stamp.ISO}


def shape(form: str, escape: Escape, fields: Collection[str]) -> Shape | None:
    """Return the shape of the lines whose values outside quotes have no blanks; None where that needs the reader."""
    parts = list(parts_of(form))
    names = [part.name for part in parts if part.name]
    reads: dict[str, dict[str, Read]] = {}
    for field in {*fields, "at", "status"} & _GIVEN.keys():
        found = [name for name in _GIVEN[field] if name in names]
        if len(found) > 1 and field != "at":
            return None
        for name in found[:1]:
            reads.setdefault(name, {})[field] = _plainly(_GIVEN[field][name], escape)
    pieces = list[Piece]()
    for part, pattern in zip(parts, patterns(parts, escape), strict=True):
        if pattern == LOOSE and part.name != "remote_user":
            return None
        simple = rb'[^\s"]++' if pattern == LOOSE else pattern
        pieces.append(Piece(_CERTAIN.get(part.name or "", simple), reads.get(part.name or "", {}), part.name or ""))
    return Shape(tuple(pieces), _outline(parts) if escape == "default" else ())


def _outline(parts: list[Part]) -> tuple[bytes, ...]:
    """Return a text that each line has once: with escape=default no value can hold a quote."""
    texts = [part.text for part in parts if part.name is None]
    once = [text for text in texts if '"' in text and len(text) > 2 and sum(map(str.count, texts, [text] * 99)) == 1]
    return (max(once, key=len).encode(),) if once else ()


def _plainly(read: Read, escape: Escape) -> Read:
    return read if escape != "json" else lambda raw: read(plain(raw) if b"\\" in raw else raw)


def around(form: str, name: str) -> tuple[bytes, bytes]:
    """Return what every line has directly before and after a variable."""
    parts = list(parts_of(form))
    index = next(index for index, part in enumerate(parts) if part.name == name)
    before = parts[index - 1].text if index else ""
    after = parts[index + 1].text if index + 1 < len(parts) else ""
    return before[-3:].encode(), after[:3].encode()
