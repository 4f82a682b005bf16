"""Files of tests for playbooks, `opskit.playbook-tests/v1`: what is known, and where the walk has to come to with it.

Only what a file says is read here; what its names mean is known where the playbook is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from opskit.definitions.convert import Converter
from opskit.definitions.reader import compose, lines
from opskit.definitions.scalars import file_id
from opskit.definitions.search import read
from opskit.model.diagnosis import Certainty, Outcome
from opskit.model.message import say
from opskit.model.problem import Lines, Problem

SCHEMA = "opskit.playbook-tests/v1"


class Expected(msgspec.Struct, frozen=True):
    """What has to come out; what is not given may be anything.

    `path` are steps that the walk passes in this order, others may lie between them; `also_seen` are all causes that
    are seen besides, in any order.
    """

    outcome: Outcome | None = None
    cause: str | None = None
    certainty: Certainty | None = None
    path: tuple[str, ...] = ()
    also_seen: tuple[str, ...] | None = None
    exit_code: int | None = None


class Case(msgspec.Struct, frozen=True):
    """One test: either facts, over calm ones or over unknown ones, or a bundle."""

    name: str
    expect: Expected
    facts: dict[str, Any] = {}
    bundle: str | None = None
    calm: bool = False


class CasesShape(msgspec.Struct, frozen=True):
    """A file of tests, key by key."""

    schema: Literal["opskit.playbook-tests/v1"]
    playbook: Annotated[str, file_id]
    tests: tuple[Case, ...]
    calm: dict[str, Any] = {}


class Cases(msgspec.Struct, frozen=True):
    """The tests of one file; `calm` are values that replace those which opskit finds by itself."""

    playbook: str
    tests: tuple[Case, ...]
    calm: dict[str, Any]
    source: str
    lines: Lines

    def folder(self) -> Path:
        """Return where bundles are looked for."""
        return Path(self.source).parent


def load(path: Path) -> Cases:
    """Return the tests of a file.

    Raises DefinitionError with every problem of it.
    """
    return parse(read(path), str(path))


def parse(data: bytes, source: str) -> Cases:
    """Return the tests.

    Raises DefinitionError with every problem of the file.
    """
    document = compose(data, source)
    converter = Converter(document)
    shape = converter.struct(document.root, CasesShape, "")
    known = lines(document.root)
    if not shape.tests and "tests" not in converter.unsure:
        converter.problems.append(Problem(source, known.of("tests"), say("tests: there is none")))
    seen: dict[str, int] = {}
    for number, case in enumerate(shape.tests):
        line = known.of("tests", number)
        converter.problems += [Problem(source, line, text) for text in _wrong(case, number, seen, converter.unsure)]
        seen.setdefault(case.name, line)
    return converter.finish(Cases(shape.playbook, shape.tests, shape.calm, source, known))


def _wrong(case: Case, number: int, seen: dict[str, int], unsure: set[str]) -> list[Any]:
    """What cannot be meant, of a test whose keys are all right."""
    where = f"tests[{number}]"
    if any(place == where or place.startswith(f"{where}.") for place in unsure):
        return []
    wrong = []
    if case.name in seen:
        wrong.append(say("{where}: the name of another test, in line {line}", where=where, line=seen[case.name]))
    if case.bundle is not None and (case.facts or case.calm):
        wrong.append(say("{where}: a bundle brings its own facts: give either of them", where=where))
    if case.expect == Expected():
        wrong.append(say("{where}.expect: expects nothing, so it cannot fail", where=where))
    if case.expect.cause is not None and case.expect.outcome not in {None, "fault"}:
        wrong.append(say("{where}.expect: a cause is named where the outcome is fault only", where=where))
    return wrong
