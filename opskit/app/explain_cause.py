"""What is known of a cause without looking at anything: its definition, the playbooks, and the words for its facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from opskit.definitions import facts, playbooks
from opskit.definitions.loaded import Loaded
from opskit.model.message import say
from opskit.model.playbook import Cause, Param, Playbook
from opskit.model.problem import DefinitionError, Problem
from opskit.model.regex import regex
from opskit.model.text import Text
from opskit.report.cause_words import ToldCause

_TEXT = regex(r"'[^']*'|\"[^\"]*\"")
_NAME = regex(r"(?<![\w.])[a-z]\w*(?:\.\w+)?")


def told_causes(definitions: Path | None, code: str = "") -> list[ToldCause]:
    """Return the causes with a code, or all of them, by code: one for each file that defines it.

    Raises DefinitionError where there is none; it may stand in a file that cannot be used, so those are named then.
    """
    loaded = playbooks.load(definitions)
    texts = facts.load(definitions).texts
    found = {(cause.code, cause.source): cause for book in loaded.good.values() for cause in _causes(book)}
    told = [_told(cause, loaded.good, texts) for key, cause in sorted(found.items()) if code in {"", key[0]}]
    if code and not told:
        raise DefinitionError([_stranger(code, {known for known, _ in found}), *_unusable(loaded)])
    return told


def _causes(book: Playbook) -> Iterator[Cause]:
    yield from book.causes.values()
    yield from book.spare.values()


def _told(cause: Cause, books: Mapping[str, Playbook], texts: Mapping[str, Text]) -> ToldCause:
    leading = [book for book in books.values() if book.causes.get(cause.code) == cause]
    ids = tuple(sorted(book.id for book in leading))
    named = tuple(dict.fromkeys(when for book in leading for when in _straight(book, cause.code)))
    asked = _names(cause.certain_if or "", *named)
    described = {name: texts.get(name) for name in (*cause.proof, *(name for name in asked if "." in name))}
    params = tuple(_params([*asked, *_names(cause.verify)], leading))
    return ToldCause(cause, ids, named, tuple(described.items()), params)


def _straight(book: Playbook, code: str) -> Iterator[str]:
    """The conditions that lead to a cause by themselves."""
    for step in book.steps.values():
        if step.then["yes"].cause == code:
            yield " ".join(step.when.split())


def _names(*conditions: str) -> list[str]:
    """The facts, `probe.fact`, and the other words of conditions."""
    return [name for condition in conditions for name in _NAME.findall(_TEXT.sub("", condition))]


def _params(names: Sequence[str], books: Sequence[Playbook]) -> Iterator[tuple[str, Param]]:
    """The parameters among the names; where playbooks differ in one, each of its values."""
    for name in dict.fromkeys(names):
        known = {book.params[name].default: book.params[name] for book in books if name in book.params}
        yield from ((name, param) for param in known.values())


def _stranger(code: str, known: set[str]) -> Problem:
    listed = ", ".join(sorted(known)) or "none"
    return Problem("causes", 0, say("there is no cause '{code}', expected one of {known}", code=code, known=listed))


def _unusable(loaded: Loaded[Playbook]) -> tuple[Problem, ...]:
    return tuple(problem for problem in loaded.problems if not problem.advice)
