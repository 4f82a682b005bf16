"""What the facts of playbooks mean, in words: `facts.yaml` in a folder of playbooks. The pages of causes show them.

Shipped ones first, then the site's, which add to them or replace single ones: a description decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from opskit.definitions.convert import Converter
from opskit.definitions.draft import Draft
from opskit.definitions.reader import compose, lines
from opskit.definitions.scalars import fact_name
from opskit.definitions.search import FACTS, folders, read
from opskit.definitions.wording import quoted, reason
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem, untranslated
from opskit.model.text import Text


class FactsShape(msgspec.Struct, frozen=True):
    """A file of descriptions, key by key; the facts go by `probe.fact`, as playbooks name them."""

    schema: Literal["opskit.facts/v1"]
    facts: dict[str, Text]


class Described(msgspec.Struct, frozen=True):
    """The text of each fact, what is wrong with the files, and how many there are."""

    texts: dict[str, Text]
    problems: tuple[Problem, ...] = ()
    files: int = 0


def load(extra: Path | None = None) -> Described:
    """Return all descriptions that can be read: one that is broken leaves the others as they are."""
    texts: dict[str, Text] = {}
    problems: list[Problem] = []
    files = 0
    for path in _files(extra):
        files += 1
        try:
            draft = outline(read(path), str(path))
        except DefinitionError as error:
            problems += error.problems
            continue
        problems += draft.problems
        texts |= draft.value or {}
    return Described(texts, tuple(problems), files)


def outline(data: bytes, source: str) -> Draft[dict[str, Text]]:
    """Return what can be made of a file of descriptions, and what is wrong with it or not translated.

    Raises DefinitionError where nothing can be made of it.
    """
    document = compose(data, source)
    converter = Converter(document)
    shape = converter.struct(document.root, FactsShape, "")
    known = lines(document.root)
    sure = {name: text for name, text in shape.facts.items() if f"facts.{name}" not in converter.unsure}
    for name in shape.facts:
        try:
            fact_name(name)
        except ValueError as error:
            wrong = say("{what}: {wrong}, got {got}", what="facts", wrong=reason(error), got=quoted(name))
            converter.problems.append(Problem(source, known.of("facts", name), wrong))
    texts = ((("facts", name), text) for name, text in sure.items())
    converter.problems += untranslated(lambda *place: (source, known.of(*place)), texts)
    return Draft(sure, tuple(sorted(converter.problems, key=lambda problem: problem.line)))


def _files(extra: Path | None) -> Iterator[Path]:
    """Every such file, the most specific last. Of a folder that cannot be looked into the playbooks' reader tells."""
    for folder in folders("playbooks", extra):
        path = folder / FACTS
        try:
            path.lstat()
        except OSError:
            continue
        yield path
