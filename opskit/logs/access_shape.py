"""The shapes of combined and common lines, taken from a sample: with a virtual host, with fields behind the agent."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

from opskit.logs import stamp
from opskit.logs.nginx_access import asked, field_of, given, last, number, seconds, target, text
from opskit.logs.shape import Piece, Read, Shape, fitting
from opskit.model.regex import regex

_FIRST = rb'[^\s"\x00\xef]++'  # not with a byte order mark
_TOKEN = rb'[^\s"]++'
_QUOTED = rb'[^"\n]*+(?<!\\)'
_ITEM = regex(rb' ([a-z_]{1,40}=)?("[^"]*"|[^\s"=]*)')
_READS: dict[str, Read] = {
    "duration_s": seconds,
    "first_byte_s": lambda raw: seconds(last(raw)),
    "request_id": given,
    "upstream_status": asked,
    "upstream_addr": given,
}
_TAILED = frozenset(_READS)
_TRIED = 20
_HEAD = (
    Piece(_FIRST, {"client": text}),
    Piece(rb" - "),
    Piece(_TOKEN, {"user": given}),
    Piece(rb" \["),
    Piece(stamp.CLF, {"at": stamp.clf}),
    Piece(rb'\] "'),
    Piece(_QUOTED, {"method": lambda raw: target(raw)[0], "path": lambda raw: target(raw)[1]}),
    Piece(rb'" '),
    Piece(rb"\d{3}", {"status": int}),
    Piece(rb" "),
    Piece(rb"(?:\d{1,18}+|-)", {"size_b": number}),
)
# Before the client, and unlike the dash that stands behind it in lines without a host.
_HOST = (Piece(_FIRST, {"host": text}), Piece(rb" (?!- )"))
_AGENT = (Piece(rb' "' + _QUOTED + rb'" "'), Piece(_QUOTED, {"agent": given}), Piece(rb'"'))


def shapes(sample: Sequence[bytes], fields: Collection[str]) -> list[Shape]:
    """Return the shape of most lines of a sample. What stands behind the agent matters only if a field is there."""
    wanted = _TAILED.intersection(fields)
    behind = list[tuple[Piece, ...]]()
    for tail in map(tuple, map(_tail, sample[-_TRIED:])) if wanted else [(Piece(rb"(?: [^\n]*+)?+"),)]:
        if tail not in behind:
            behind.append(tail)
    bodies = [*((*_HEAD, *_AGENT, *tail) for tail in (*behind, ())), _HEAD]
    found = fitting([Shape((*host, *body), (b'] "',)) for body in bodies for host in ((), _HOST)], sample)
    return [found] if found else []


def _name(key: bytes) -> str:
    return key.removesuffix(b"=").decode()


def _tail(line: bytes) -> Iterator[Piece]:
    """Yield the pieces of ` "10.0.0.1" rid=abc rt=0.120 us="502, 200"`."""
    rest = line.split(b'"', 6)[-1]
    for pair in _ITEM.finditer(rest):
        key, quote = pair[1] or b"", b'"' if pair[2].startswith(b'"') else b""
        field = field_of(key.removesuffix(b"="))
        yield Piece(b" " + re.escape(key) + quote)
        yield Piece(rb'[^"\n]*+' if quote else rb'[^\s"=]*+', {field: _READS[field]} if field else {}, _name(key))
        yield Piece(quote)
