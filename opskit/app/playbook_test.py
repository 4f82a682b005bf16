"""Runs tests of playbooks: facts or a bundle in, the walk as in real life, and what differs from what was expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from opskit.app import bundle as bundles
from opskit.app.context import Context
from opskit.app.manifest import BundleError
from opskit.app.playbook_test_names import wrong_names
from opskit.app.run_triage import run_triage
from opskit.definitions.playbook_tests import Case, Cases, Expected
from opskit.model.diagnosis import Diagnosis
from opskit.model.message import Message, say
from opskit.model.playbook import Answer
from opskit.model.problem import DefinitionError, Problem
from opskit.model.reading import Fact, Reading
from opskit.model.treatment import exit_code
from opskit.probes.base import fact_kinds
from opskit.probes.registry import probe
from opskit.report.tested import CaseResult, Covered
from opskit.triage.calm import calm_facts
from opskit.triage.expression import Kind
from opskit.triage.tree import Tree
from opskit.triage.walk import walk

_ANSWERS: tuple[Answer, ...] = ("yes", "no", "unknown")
_SHOWN = 4


class Bench:
    """Tests run here, file by file; afterwards it knows what they reached."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._trees: dict[str, Tree] = {}
        self._passed: dict[str, set[tuple[str, Answer]]] = {}
        self._named: dict[str, set[str]] = {}

    def run(self, cases: Cases) -> list[CaseResult]:
        """Return what came of the tests of one file.

        Raises DefinitionError with every name in it that the playbook does not have, and for a broken bundle.
        """
        tree = self._tree(cases.playbook)
        kinds = _kinds(tree)
        problems = list(wrong_names(cases, tree, kinds))
        calm = None
        if not problems and any(case.calm for case in cases.tests):
            calm = calm_facts(tree, kinds, cases.calm)
            if calm is None:
                text = say("calm: no facts were found with which {playbook} is healthy", playbook=cases.playbook)
                problems.append(Problem(cases.source, cases.lines.of("calm"), text))
        if problems:
            raise DefinitionError(problems)
        return [self._tested(case, number, cases, calm or {}) for number, case in enumerate(cases.tests)]

    def coverage(self) -> list[Covered]:
        """Return for each playbook that was tested what all files together reached."""
        return [self._covered(tree) for tree in self._trees.values()]

    def _tree(self, playbook_id: str) -> Tree:
        if playbook_id not in self._trees:
            self._trees[playbook_id] = self._context.tree(playbook_id)
            self._passed[playbook_id], self._named[playbook_id] = set(), set()
        return self._trees[playbook_id]

    def _tested(self, case: Case, number: int, cases: Cases, calm: Mapping[str, Fact]) -> CaseResult:
        tree = self._trees[cases.playbook]
        if case.bundle is None:
            found = _diagnosed(tree, {**(calm if case.calm else {}), **case.facts})
        else:
            source = _bundle(cases, number, case.bundle)
            found = run_triage(self._context, cases.playbook, source).diagnosis
        self._passed[cases.playbook] |= {(answered.step, answered.answer) for answered in found.walked}
        self._named[cases.playbook] |= {found.finding.cause.code} if found.finding else set()
        line = cases.lines.of("tests", number)
        return CaseResult(case.name, cases.source, line, tuple(_differences(case.expect, found)))

    def _covered(self, tree: Tree) -> Covered:
        book = tree.playbook
        every = [(step, answer) for step in book.steps for answer in _ANSWERS]
        passed, named = self._passed[book.id], self._named[book.id]
        return Covered(
            book.id,
            len(book.causes),
            len(every),
            tuple(sorted(book.causes.keys() - named)),
            tuple(item for item in every if item not in passed),
        )


def _bundle(cases: Cases, number: int, name: str) -> bundles.Bundle:
    """The bundle beside the file of the tests."""
    try:
        return bundles.read(cases.folder() / name)
    except BundleError as error:
        line = cases.lines.of("tests", number, "bundle")
        raise DefinitionError([Problem(cases.source, line, say("{why}", why=error.reason))]) from None


def _kinds(tree: Tree) -> dict[str, Kind]:
    """What every fact of the playbook's probes is, by its full name."""
    uses = {name: fact_kinds(probe(use.probe)) for name, use in tree.playbook.probes.items()}
    return {f"{name}.{fact}": kind for name, facts in uses.items() for fact, kind in facts.items()}


def _diagnosed(tree: Tree, facts: Mapping[str, Fact]) -> Diagnosis:
    """Walk; what is not among the facts could not be told."""
    known: dict[str, dict[str, Fact]] = {name: {} for name in tree.playbook.probes}
    for name, value in facts.items():
        of, _, fact = name.partition(".")
        known[of][fact] = value
    found = walk(tree, {name: Reading(facts=values) for name, values in known.items()})
    if not isinstance(found, Diagnosis):  # every probe has a reading, so no step can still wait
        raise TypeError(found)
    return found


def _differences(expected: Expected, found: Diagnosis) -> Iterator[Message]:
    named = found.finding
    pairs: list[tuple[str, object, object]] = [
        ("outcome", expected.outcome, found.outcome),
        ("cause", expected.cause, named.cause.code if named else None),
        ("certainty", expected.certainty, named.certainty if named else None),
        ("exit_code", expected.exit_code, exit_code(found.outcome)),
    ]
    for what, wanted, got in pairs:
        if wanted is not None and wanted != got:
            yield _differs(what, wanted, got)
    walked = [answered.step for answered in found.walked]
    missed = _missed(expected.path, walked)
    if missed is not None:
        yield say("path: the walk does not come to {step}, it ends with {end}", step=missed,
                  end=" > ".join(walked[-_SHOWN:]))  # fmt: skip
    seen = sorted(finding.cause.code for finding in found.also_seen)
    if expected.also_seen is not None and sorted(set(expected.also_seen)) != seen:
        yield _differs("also_seen", _listed(sorted(set(expected.also_seen))), _listed(seen))


def _differs(what: str, wanted: object, got: object) -> Message:
    none = say("none")
    return say("{what}: expected {wanted}, got {got}", what=what, wanted=str(wanted),
               got=none if got is None else str(got))  # fmt: skip


def _listed(codes: Sequence[str]) -> str:
    return ", ".join(codes) or "[]"


def _missed(path: Iterable[str], walked: Iterable[str]) -> str | None:
    """The first of the steps that the walk does not pass after those before it, whatever lies between them."""
    passing = iter(walked)
    return next((step for step in path if step not in passing), None)


def suite(context: Context, files: Iterable[Cases]) -> tuple[list[CaseResult], list[Covered]]:
    """Run the tests of several files, and return what came of them and what they reached.

    Raises DefinitionError with the problems of all files.
    """
    bench, tests, problems = Bench(context), list[CaseResult](), list[Problem]()
    for cases in files:
        try:
            tests += bench.run(cases)
        except DefinitionError as error:
            problems += error.problems
    if problems:
        raise DefinitionError(problems)
    return tests, bench.coverage()
