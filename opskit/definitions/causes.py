"""Files of causes, which playbooks include: `opskit.causes/v1`, found beside the playbook, else among the shipped ones.

What is wrong in such a file is named with its own lines, whichever playbook it was read for. Comes before playbooks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from opskit.definitions.convert import Converter
from opskit.definitions.draft import Draft
from opskit.definitions.reader import compose, lines
from opskit.definitions.search import read, shipped, unreadable
from opskit.definitions.wording import quoted
from opskit.model.message import Message, say
from opskit.model.playbook import Cause, Remedy, Risk, Symptom
from opskit.model.problem import DefinitionError, Lines, Problem
from opskit.model.text import Text

SCHEMA = "opskit.causes/v1"


class RemedyShape(msgspec.Struct, frozen=True):
    """One entry of a cause's `remedy:`."""

    text: Text
    run: tuple[str, ...] = ()
    risk: Risk | None = None
    undo: tuple[str, ...] = ()
    undo_text: Text | None = None


class CauseShape(msgspec.Struct, frozen=True):
    """One entry of `causes:`."""

    layer: str
    summary: Text
    proof: tuple[str, ...]
    remedy: tuple[RemedyShape, ...]
    verify: str
    certain_if: str | None = None
    seen: Text | None = None
    mistaken_for: tuple[Text, ...] = ()
    helped: Text | None = None
    symptoms: tuple[Symptom, ...] = ()
    follows: tuple[str, ...] = ()


class CausesShape(msgspec.Struct, frozen=True):
    """A file that playbooks include, key by key."""

    schema: Literal["opskit.causes/v1"]
    causes: dict[str, CauseShape]


def causes_of(shapes: Mapping[str, CauseShape], source: str, known: Lines) -> dict[str, Cause]:
    """Return the causes of a file by code; `known` are the lines of the file."""
    return {code: _cause(code, shape, source, known.at("causes", code)) for code, shape in shapes.items()}


def outline(data: bytes, source: str) -> Draft[dict[str, Cause]]:
    """Return what can be made of a file of causes, and what is wrong with it.

    Raises DefinitionError where nothing can be made of it.
    """
    document = compose(data, source)
    converter = Converter(document)
    shape = converter.struct(document.root, CausesShape, "")
    return converter.draft(causes_of(shape.causes, source, lines(document.root)))


def included(names: Iterable[tuple[int, str]], source: str) -> Draft[dict[str, Cause]]:
    """Return the causes of all files that `source` includes, each name with its line, and what is wrong with them.

    Where one cannot be read, nobody knows which causes there are, so `causes` is unsure.
    """
    found: dict[str, Cause] = {}
    problems: list[Problem] = []
    unsure: set[str] = set()
    seen: set[str] = set()
    for line, name in names:
        draft = _draft(name, source, line, seen)
        problems += [*draft.problems, *again(found, draft.value or {})]
        unsure |= draft.unsure if draft.value is not None else {"causes"}
        found = {**(draft.value or {}), **found}
    return Draft(found, tuple(problems), frozenset(unsure))


def again(first: Mapping[str, Cause], second: Mapping[str, Cause]) -> Iterator[Problem]:
    """Yield a problem for each code of `second` that `first` has too."""
    for code in second.keys() & first.keys():
        there = f"{first[code].source}:{first[code].lines.line}"
        text = say("causes.{code}: the code of another cause, in {there}", code=code, there=there)
        yield Problem(second[code].source, second[code].lines.line, text)


def _cause(code: str, shape: CauseShape, source: str, known: Lines) -> Cause:
    remedy = tuple(Remedy(item.text, item.run, item.risk, item.undo, item.undo_text) for item in shape.remedy)
    return Cause(
        code=code,
        layer=shape.layer,
        summary=shape.summary,
        remedy=remedy,
        verify=shape.verify,
        certain_if=shape.certain_if,
        proof=shape.proof,
        seen=shape.seen,
        symptoms=shape.symptoms,
        follows=shape.follows,
        mistaken_for=shape.mistaken_for,
        helped=shape.helped,
        source=source,
        lines=known,
    )


def _draft(name: str, source: str, line: int, seen: set[str]) -> Draft[dict[str, Cause]]:
    """What can be made of one file; `seen` are those before it, where they really are."""
    try:
        path = _located(name, Path(source).parent)
        if isinstance(path, Path):
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                return outline(read(path), str(path))
            path = say("this file is included already")
    except DefinitionError as error:
        return Draft(None, error.problems)
    return Draft(None, (Problem(source, line, say("include: {what}, got {got}", what=path, got=quoted(name))),))


def _located(name: str, folder: Path) -> Path | Message:
    """Return the file, or what is wrong with its name.

    Raises DefinitionError where it is hidden from us: then another one is no stand-in for it.
    """
    for base in (folder, shipped("playbooks")):
        path = base / name
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise DefinitionError([unreadable(path, error)]) from None
        inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(base))
        return path if inside else say("a link leads out of the playbook's folder")
    return say("there is no such file beside the playbook, nor among the shipped ones")
