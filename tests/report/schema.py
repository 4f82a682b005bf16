"""A checker for the published JSON Schemas, as far as they go; a keyword that it does not know is an error."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

TRIAGE: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/schemas/triage-v1.json").read_text("utf-8"))
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


def wrong(value: Any, schema: dict[str, Any] = TRIAGE, at: str = "$") -> list[str]:
    """Return every place where `value` is not as `schema` says, and every member of an object that it does not name."""
    found = list(_violations(value, schema, at))
    if isinstance(value, dict):
        named = _named(schema)
        found += [f"{at}.{name}: not in the schema" for name in value if named is not None and name not in named]
    return found


def _named(schema: dict[str, Any]) -> set[str] | None:
    """The members that a schema names; None where it leaves them to others or takes any."""
    if "additionalProperties" in schema or "properties" not in schema:
        return None
    inherited = [_resolved(part).get("properties", {}) for part in schema.get("allOf", [])]
    return {*schema["properties"], *(name for part in inherited for name in part)}


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    return TRIAGE["$defs"][schema["$ref"].removeprefix("#/$defs/")] if "$ref" in schema else schema


def _violations(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    for keyword, told in schema.items():
        if keyword not in _SILENT:
            yield from _KEYWORDS[keyword](value, told, at)
    if isinstance(value, dict):
        others = schema.get("additionalProperties")
        for name, member in value.items():
            rule = schema.get("properties", {}).get(name, others)
            yield from wrong(member, rule, f"{at}.{name}") if rule is not None else ()


def _type(value: Any, told: str | list[str], at: str) -> Iterator[str]:
    names = [told] if isinstance(told, str) else told
    if not any(_TYPES[name](value) for name in names):
        yield f"{at}: {value!r} is no {names}"


def _any_of(value: Any, told: list[dict[str, Any]], at: str) -> Iterator[str]:
    tries = [wrong(value, option, at) for option in told]
    if all(tries):
        yield from min(tries, key=len)


def _one(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any, str], Iterator[str]]:
    def check(value: Any, told: Any, at: str) -> Iterator[str]:
        if not holds(value, told):
            yield f"{at}: {value!r} against {told!r}"

    return check


def _items(value: Any, told: dict[str, Any], at: str) -> Iterator[str]:
    for number, item in enumerate(value if isinstance(value, list) else []):
        yield from wrong(item, told, f"{at}[{number}]")


def _nothing(*_: Any) -> Iterator[str]:
    yield from ()


def _same(value: Any, told: Any) -> bool:
    return type(value) is type(told) and bool(value == told)


_KEYWORDS: dict[str, Callable[[Any, Any, str], Iterator[str]]] = {
    "type": _type,
    "enum": _one(lambda value, told: any(_same(value, option) for option in told)),
    "const": _one(_same),
    "minimum": _one(lambda value, told: not _TYPES["number"](value) or value >= told),
    "pattern": _one(lambda value, told: not isinstance(value, str) or re.search(told, value) is not None),
    "required": _one(lambda value, told: not isinstance(value, dict) or set(told) <= set(value)),
    "$ref": lambda value, told, at: iter(wrong(value, _resolved({"$ref": told}), at)),
    "anyOf": _any_of,
    "allOf": lambda value, told, at: (line for part in told for line in _violations(value, _resolved(part), at)),
    "items": _items,
    "properties": _nothing,  # looked at with the members
    "additionalProperties": _nothing,
}
