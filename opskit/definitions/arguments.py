"""What a definition gives a probe under `with:`, held against the arguments that the probe takes.

The reader of a definition does not know the probe, so it keeps these values as they are; this comes later, with the
same words.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from opskit.definitions.wording import kind_of, quoted, reason, unknown_key
from opskit.model.message import Message, say
from opskit.model.problem import Lines, Place, Problem, spelled
from opskit.model.typed import prepared

_kinds = functools.cache(typing.get_type_hints)


def wrong_arguments(given: Mapping[str, Any], taken: type[msgspec.Struct], source: str, lines: Lines) -> list[Problem]:
    """Return every mistake in `given`, which stands under `with` in `lines`; `taken` has a field for each argument."""
    wrong: list[tuple[Place, Message]] = []
    kinds = _kinds(taken)
    for name, value in given.items():
        if name in kinds:
            wrong += list(_wrong(value, kinds[name], ("with", name))) or _odd(name, value, taken)
        else:
            wrong.append((("with", name), unknown_key(name, "with", kinds)))
    return [Problem(source, lines.of(*place), text) for place, text in wrong]


def _wrong(value: Any, kind: Any, place: Place) -> Iterator[tuple[Place, Message]]:
    try:
        msgspec.convert(value, prepared(kind))
    except msgspec.ValidationError:
        if typing.get_origin(kind) is tuple and isinstance(value, list):
            for number, item in enumerate(value):
                yield from _wrong(item, typing.get_args(kind)[0], (*place, number))
        else:
            yield place, _expected(value, kind, spelled(*place))


def _odd(name: str, value: Any, taken: type[msgspec.Struct]) -> list[tuple[Place, Message]]:
    """What the arguments themselves say of a value that has the right type and is none of those allowed."""
    try:
        msgspec.convert({name: value}, prepared(taken))
    except msgspec.ValidationError as error:
        text = reason(error.__cause__) if isinstance(error.__cause__, ValueError) else str(error)
        return [(("with", name), say("{where}: {wrong}", where=spelled("with", name), wrong=text))]
    return []


def _expected(value: Any, kind: Any, where: str) -> Message:
    if typing.get_origin(kind) is dict:
        return say("{where}: expected keys and plain values, got {got}", where=where, got=_got(value))
    chosen = next((part for part in typing.get_args(kind) if part is not type(None)), kind)
    if typing.get_origin(kind) is tuple:
        return say("{where}: expected a list, got {got}", where=where, got=_got(value))
    if typing.get_origin(kind) is Literal:
        choices = ", ".join(typing.get_args(kind))
        return say("{where}: expected one of {choices}, got {got}", where=where, choices=choices, got=_got(value))
    expected = kind_of(chosen, unquoted=isinstance(value, bool | int | float))
    return say("{where}: expected {kind}, got {got}", where=where, kind=expected, got=_got(value))


def _got(value: Any) -> Message | str:
    if isinstance(value, dict):
        return say("keys and values")
    if isinstance(value, list):
        return say("a list")
    if isinstance(value, bool):
        return quoted(str(value).lower())
    return say("nothing") if value is None else quoted(str(value))
