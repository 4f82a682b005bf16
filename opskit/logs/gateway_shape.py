r"""The shapes of a gateway's JSON lines, taken from a sample: the same keys in the same order.

A shape has to give what `gateway.parse` gives. A field that has one key takes what the reader makes of its value; where
several keys could give it, the best of them must hold a value that is certainly readable. Lines whose other values
are nested deeper, or spelt in another way, have no shape and are read one by one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, tzinfo
from typing import Any

import msgspec

from opskit.logs import stamp
from opskit.logs.gateway import BARE_UNITS, decoded, flat
from opskit.logs.gateway_fields import START, Role, TimeUnit, roles
from opskit.logs.gateway_values import named, value_of
from opskit.logs.shape import Memo, Piece, Read, Shape, Value
from opskit.model.regex import regex

_SHAPES = 3
_STRING = rb'"[^"\\\n]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\n]*+)*+"'
_SOMETHING = rb'"(?!-?")' + _STRING[1:]
_NUMBER = rb"-?(?:0|[1-9]\d{0,18}+)(?:\.\d{1,30}+)?+(?:[eE][+-]?\d{1,2}+)?+"
_SCALAR = rb"(?:" + _STRING + rb"|" + _NUMBER + rb"|true|false|null)"
_LIST = rb"\[(?:" + _SCALAR + rb"(?:, ?" + _SCALAR + rb")*+)?+\]"


class _Escaped:
    """A text that JSON writes with a backslash."""


_ESCAPED = regex(r'["\\\x00-\x1f\x7f-\uffff]')
_PATTERNS = {
    frozenset({str}): rb'"[^"\\\n]*+"',
    frozenset({int}): rb"-?(?:0|[1-9]\d{0,18}+)",
    frozenset({float}): rb"-?(?:0|[1-9]\d{0,18}+)\.\d{1,30}+",
    frozenset({int, float}): rb"-?(?:0|[1-9]\d{0,18}+)(?:\.\d{1,30}+)?+",
}
_EPOCH = rb"[1-9]\d{0,15}(?:\.\d{1,9})?"
_CERTAIN: dict[str, bytes] = {
    "at": rb'(?:"(?:' + stamp.ISO + rb"|" + stamp.CLF + rb')"|' + _EPOCH + rb'|"' + _EPOCH + rb'")',
    "status": rb'(?:[1-9]\d\d|"[1-9]\d\d")',
    **dict.fromkeys(("duration", "first_byte"), rb"\d{1,15}(?:\.\d{1,12})?"),
    **dict.fromkeys(("size", "prompt_tokens", "completion_tokens", "prompt_chars"), rb"\d{1,15}"),
}
_ALWAYS = ("at", "status", "event")
# The fields of a Request, under the names that the gateway's reader gives them.
_NAMES = {"duration_s": "duration", "first_byte_s": "first_byte", "size_b": "size", "key": "secret"}


def shapes(
    sample: Sequence[bytes], fields: Collection[str], time_unit: TimeUnit = "s", zone: tzinfo = UTC
) -> list[Shape]:
    """Return the shapes of a sample's lines, the most frequent first; [] where none can be had."""
    examples: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record in filter(None, map(decoded, sample)):
        examples.setdefault(tuple(key for key, _ in flat(record)), []).append(record)
    seen = sorted(examples.values(), key=len, reverse=True)
    found = [_shape(alike, fields, time_unit, zone) for alike in seen[:_SHAPES]]
    outlines = {shape.outline for shape in found if shape}
    same = len(outlines) == 1 and len(seen) <= _SHAPES
    return [shape if same else Shape(shape.pieces) for shape in found if shape]


def _shape(alike: list[dict[str, Any]], fields: Collection[str], time_unit: TimeUnit, zone: tzinfo) -> Shape | None:
    record = alike[0]
    keys = _best_keys(record)
    wanted = {_NAMES.get(field, field): field for field in fields} | {name: name for name in _ALWAYS}
    if {"began", "streamed"} <= keys.keys() and "first_byte" in wanted:
        return None
    if "key" in fields and "key_name" in keys:
        if "secret" in keys:
            return None
        wanted["key_name"] = "key"
    # Without a status only the start of a request is certain to be understood.
    if "at" not in keys or ("status" not in keys and not _starts(record, keys)):
        return None
    try:
        values = _values(record, keys, wanted, BARE_UNITS[time_unit], zone)
        if "event" in keys and "status" in keys:
            _pin(values, keys["event"][0][1], alike)
        pieces = tuple(_object(record, "", values, _looks(alike)))
    except ValueError:
        return None
    first = next(iter(record))
    return Shape(pieces, (b'\n{"' + first.encode() + b'":',))


def _best_keys(record: dict[str, Any]) -> dict[str, list[tuple[Role, str]]]:
    """Return for each field the keys that may give it, the best first."""
    found: dict[str, list[tuple[Role, str]]] = {}
    for key, _ in flat(record):
        for role in roles(key):
            found.setdefault(role.field, []).append((role, key))
    return {field: sorted(keys, key=lambda item: item[0].rank) for field, keys in found.items()}


def _starts(record: dict[str, Any], keys: dict[str, list[tuple[Role, str]]]) -> bool:
    return "event" in keys and named(dict(flat(record))[keys["event"][0][1]]) in START


def _values(
    record: dict[str, Any],
    keys: dict[str, list[tuple[Role, str]]],
    wanted: dict[str, str],
    bare_unit: float,
    zone: tzinfo,
) -> dict[str, Piece]:
    """Return the piece of each key whose value matters."""
    pieces: dict[str, Piece] = {}
    for name, field in wanted.items():
        if name not in keys:
            continue
        role, key = keys[name][0]
        pattern = _SCALAR if len(keys[name]) == 1 else _CERTAIN.get(name, _SOMETHING)
        if name in {"at", "status"}:
            pattern = _CERTAIN[name]
        if name == "event" and "status" not in keys:
            pattern = re.escape(msgspec.json.encode(dict(flat(record))[key]))
        if key in pieces and not role.line:
            raise ValueError(key)
        before = pieces[key].reads if key in pieces else {}
        pieces[key] = Piece(pattern, {**before, field: _reader(role, bare_unit, zone)}, key)
    return pieces


def _pin(values: dict[str, Piece], key: str, alike: list[dict[str, Any]]) -> None:
    """Where all lines say the same, only those have the shape that do, and the text need not be captured."""
    said = {value for record in alike for name, value in flat(record) if name == key and isinstance(value, str)}
    if len(said) == 1 and len(alike) > 1 and named(text := said.pop()) not in START:
        values[key] = Piece(re.escape(msgspec.json.encode(text)))


def _reader(role: Role, bare_unit: float, zone: tzinfo) -> Read:
    def read(raw: bytes) -> Value:
        if raw.startswith(b'"') and b"\\" not in raw:
            said: object = raw[1:-1].decode("utf-8", "surrogateescape")
        else:
            said = (decoded(b'{"value":' + raw + b"}") or {}).get("value")
        found = value_of(role, said, bare_unit, zone)
        if role.field == "event":
            return "start" if found in START else "end"
        return found if isinstance(found, str | float | int) else None

    return Memo(read).__getitem__


def _looks(alike: list[dict[str, Any]]) -> dict[str, bytes]:
    """Return for each key what its values look like, as narrow as the sample allows: it is faster to match."""
    kinds: dict[str, set[type]] = {}
    for record in alike:
        for key, value in flat(record):
            kinds.setdefault(key, set()).add(
                _Escaped if isinstance(value, str) and _ESCAPED.search(value) else type(value)
            )
    return {key: _PATTERNS.get(frozenset(found), _LIST if found == {list} else _SCALAR) for key, found in kinds.items()}


def _object(record: dict[str, Any], prefix: str, values: dict[str, Piece], looks: dict[str, bytes]) -> Iterator[Piece]:
    opening = rb"\{"
    for key, value in record.items():
        if not re.fullmatch(r"[\w.@$-]{1,80}", key, re.ASCII):
            raise ValueError(key)
        yield Piece(opening + b'"' + re.escape(key.encode()) + b'": ?')
        opening = b", ?"
        if isinstance(value, dict):
            yield from _object(value, f"{prefix}{key}.", values, looks)
        else:
            yield values.get(prefix + key) or Piece(looks[prefix + key])
    yield Piece(rb"\}" if record else rb"\{\}")
