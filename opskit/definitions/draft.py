"""What could be made of a file that may have mistakes in it: enough to look for more of them, never to run it.

What is wrong has a stand-in, and its place is `unsure`: whoever finds a mistake there keeps it to himself, for it would
follow from one that is on the list already. The rest is as it was written, so what is wrong with that is named in the
same run.
"""

from __future__ import annotations

import types
import typing
from typing import Any, Generic, Literal, TypeVar

import msgspec

from opskit.model.problem import DefinitionError, Problem

T = TypeVar("T")
UNREADABLE = "?"  # no name of anything may be this one


class Draft(msgspec.Struct, Generic[T], frozen=True):
    """`value` is None where the file is masked. `unsure` are places, as messages spell them."""

    value: T | None
    problems: tuple[Problem, ...] = ()
    unsure: frozenset[str] = frozenset()

    def whole(self) -> T | None:
        """Return the value.

        Raises DefinitionError where there is any problem.
        """
        if self.problems:
            raise DefinitionError(self.problems)
        return self.value


def stand_in(kind: Any, where: str) -> tuple[Any, frozenset[str]]:
    """Return a value of a kind that says as little as it can, and the places where it says nothing."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return stand_in(parts[0], where)
    if kind is Any or origin in {typing.Union, types.UnionType}:
        return None, frozenset({where})
    if origin is Literal:
        return parts[0], frozenset({where})
    if origin is None and issubclass(kind, msgspec.Struct):
        return _empty(kind, where)
    return UNREADABLE if kind is str else (origin or kind)(), frozenset({where})


def _empty(kind: type[msgspec.Struct], where: str) -> tuple[Any, frozenset[str]]:
    hints = typing.get_type_hints(kind, include_extras=True)
    values, unsure = {}, frozenset({where})
    for field in msgspec.structs.fields(kind):
        values[field.name], inside = stand_in(hints[field.name], f"{where}.{field.encode_name}")
        unsure |= inside
    return kind(**values), unsure
