"""The definitions of one kind, all of them: the good ones, and beside them what is wrong with the others.

One site's broken file must not end the monitoring of everything else, nor may it be forgotten: whoever runs definitions
reports each broken one as UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from opskit.definitions.compiled import COMPILED
from opskit.definitions.search import Kind, Survey, read, survey
from opskit.model.problem import DefinitionError, Problem

if TYPE_CHECKING:
    from opskit.definitions.draft import Draft

T = TypeVar("T")
Outline = Callable[[bytes, str, str], "Draft[T]"]


class Loaded(msgspec.Struct, Generic[T], frozen=True):
    """`good` and `broken` by id; `elsewhere` are problems that belong to no id, such as a folder without permission.

    `salvaged` are the drafts of the broken files that left something to look at.
    """

    good: dict[str, T]
    broken: dict[str, tuple[Problem, ...]] = {}
    elsewhere: tuple[Problem, ...] = ()
    salvaged: tuple[Draft[T], ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is wrong, by file and line."""
        listed = [*self.elsewhere, *(problem for problems in self.broken.values() for problem in problems)]
        return tuple(sorted(listed, key=lambda problem: (problem.source, problem.line)))

    def legible(self) -> Iterator[tuple[T, frozenset[str]]]:
        """Yield every definition that can be looked at, with the places where it is unsure. To be judged, never run."""
        for value in self.good.values():
            yield value, frozenset()
        for draft in self.salvaged:
            if draft.value is not None:
                yield draft.value, draft.unsure


def load_all(
    kind: Kind, extra: Path | None, outline: Outline[T], ids: Sequence[str] = (), kept: type[T] | None = None
) -> Loaded[T]:
    """Read every effective file of a kind. A broken one still replaces what it was to replace.

    Where only `ids` are asked for, the others are not read, unless one of those is missing or masked. What comes of a
    file alone is `kept`, as values of that type, for whoever reads it next.
    """
    surveyed = survey(kind, extra)
    if ids:
        asked = {name: found for name, found in surveyed.found.items() if name in ids}
        some = _read_all(Survey(asked, surveyed.problems), outline, kept)
        if {*some.good, *some.broken} == {*ids}:
            return some
    return _read_all(surveyed, outline, kept)


def _read_all(surveyed: Survey, outline: Outline[T], kept: type[T] | None) -> Loaded[T]:
    good: dict[str, T] = {}
    broken: dict[str, tuple[Problem, ...]] = {}
    salvaged: list[Draft[T]] = []
    for found in surveyed.found.values():
        source = str(found.path)
        try:
            data = read(found.path)
            known = COMPILED.recall(data, source, kept) if kept else None
            if known is not None:
                good[found.id] = known
                continue
            draft = outline(data, source, found.id)
        except DefinitionError as error:
            broken[found.id] = error.problems
            continue
        if draft.problems:
            broken[found.id] = draft.problems
            salvaged.append(draft)
        elif draft.value is not None:
            good[found.id] = draft.value
            if kept:
                COMPILED.keep(data, source, draft.value)
    return Loaded(good, broken, surveyed.problems, tuple(salvaged))
