"""The definitions of one kind, all of them: the good ones, and beside them what is wrong with the others.

One site's broken file must not end the monitoring of everything else, nor may it be forgotten: whoever runs definitions
reports each broken one as UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from opskit.definitions.search import Kind, read, survey
from opskit.model.problem import DefinitionError, Problem

T = TypeVar("T")
Parse = Callable[[bytes, str, str], T | None]


class Loaded(msgspec.Struct, Generic[T], frozen=True):
    """`good` and `broken` by id; `elsewhere` are problems that belong to no id, such as a folder without permission."""

    good: dict[str, T]
    broken: dict[str, tuple[Problem, ...]] = {}
    elsewhere: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, by file and line."""
        listed = [*self.elsewhere, *(problem for problems in self.broken.values() for problem in problems)]
        return tuple(sorted(listed, key=lambda problem: (problem.source, problem.line)))


def load_all(kind: Kind, extra: Path | None, parse: Parse[T]) -> Loaded[T]:
    """Read every effective file of a kind. A broken one still replaces what it was to replace."""
    surveyed = survey(kind, extra)
    good: dict[str, T] = {}
    broken: dict[str, tuple[Problem, ...]] = {}
    for found in surveyed.found.values():
        try:
            value = parse(read(found.path), str(found.path), found.id)
        except DefinitionError as error:
            broken[found.id] = error.problems
            continue
        if value is not None:
            good[found.id] = value
    return Loaded(good, broken, surveyed.problems)
