"""A checker for the published JSON Schemas, as far as they go; a keyword that it does not know is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
Keyword = Callable[[Any, Any, str, Schema], Iterator[str]]
TRIAGE: Schema = json.loads((Path(__file__).parents[2] / "docs/schemas/triage-v1.json").read_text("utf-8"))
_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_SILENT = {"$schema", "$id", "$defs", "title", "description"}


def wrong(value: Any, schema: Schema = TRIAGE, at: str = "$", root: Schema | None = None) -> list[str]:
    """Return every place where `value` is not as `schema` says, and every member of an object that it does not name.

    `root` is the whole that `schema` is a part of, for its references; without it the schema is the whole.
    """
    root = schema if root is None else root
    found = list(_violations(value, schema, at, root))
    if isinstance(value, dict):
        named = _named(schema, root)
        found += [f"{at}.{name}: not in the schema" for name in value if named is not None and name not in named]
    return found


def _named(schema: Schema, root: Schema) -> set[str] | None:
    """The members that a schema names; None where it leaves them to others or takes any."""
    if schema.get("additionalProperties", False) is not False or "properties" not in schema:
        return None
    inherited = [_resolved(part, root).get("properties", {}) for part in schema.get("allOf", [])]
    return {*schema["properties"], *(name for part in inherited for name in part)}


def _resolved(schema: Schema, root: Schema) -> Schema:
    found: Schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema
    return found


def _violations(value: Any, schema: Schema, at: str, root: Schema) -> Iterator[str]:
    for keyword, told in schema.items():
        if keyword not in _SILENT:
            yield from _KEYWORDS[keyword](value, told, at, root)
    if isinstance(value, dict):
        others = schema.get("additionalProperties") or None
        for name, member in value.items():
            rule = schema.get("properties", {}).get(name, others)
            yield from wrong(member, rule, f"{at}.{name}", root) if rule is not None else ()


def _type(value: Any, told: str | list[str], at: str, root: Schema) -> Iterator[str]:
    del root
    names = [told] if isinstance(told, str) else told
    if not any(_TYPES[name](value) for name in names):
        yield f"{at}: {value!r} is no {names}"


def _any_of(value: Any, told: list[Schema], at: str, root: Schema) -> Iterator[str]:
    tries = [wrong(value, option, at, root) for option in told]
    if all(tries):
        yield from min(tries, key=len)


def _one(holds: Callable[[Any, Any], bool]) -> Keyword:
    def check(value: Any, told: Any, at: str, root: Schema) -> Iterator[str]:
        del root
        if not holds(value, told):
            yield f"{at}: {value!r} against {told!r}"

    return check


def _items(value: Any, told: Schema, at: str, root: Schema) -> Iterator[str]:
    for number, item in enumerate(value if isinstance(value, list) else []):
        yield from wrong(item, told, f"{at}[{number}]", root)


def _names(value: Any, told: Schema, at: str, root: Schema) -> Iterator[str]:
    for name in value if isinstance(value, dict) else ():
        yield from wrong(name, told, f"{at}.{name}", root)


def _nothing(*_: Any) -> Iterator[str]:
    yield from ()


def _same(value: Any, told: Any) -> bool:
    return type(value) is type(told) and bool(value == told)


_KEYWORDS: dict[str, Keyword] = {
    "type": _type,
    "enum": _one(lambda value, told: any(_same(value, option) for option in told)),
    "const": _one(_same),
    "minimum": _one(lambda value, told: not _TYPES["number"](value) or value >= told),
    "pattern": _one(lambda value, told: not isinstance(value, str) or re.search(told, value) is not None),
    "required": _one(lambda value, told: not isinstance(value, dict) or set(told) <= set(value)),
    "minItems": _one(lambda value, told: not isinstance(value, list) or len(value) >= told),
    "propertyNames": _names,
    "$ref": lambda value, told, at, root: iter(wrong(value, _resolved({"$ref": told}, root), at, root)),
    "anyOf": _any_of,
    "allOf": lambda value, told, at, root: (
        line for part in told for line in _violations(value, _resolved(part, root), at, root)
    ),
    "items": _items,
    "properties": _nothing,  # looked at with the members
    "additionalProperties": _nothing,
}
