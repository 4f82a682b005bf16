"""A shipped playbook with all that its tests ask of it: its ways, facts that lead along them, and its mutants."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from opskit.definitions import playbooks
from opskit.model.diagnosis import Diagnosis
from opskit.model.playbook import Answer
from opskit.model.reading import Reading
from opskit.probes.base import fact_kinds
from opskit.probes.registry import probe
from opskit.triage.expression import Schema, compile_expression
from opskit.triage.tree import Tree, grow
from opskit.triage.walk import walk
from tests.triage.builders import make_readings
from tests.triage.paths import ANSWERS, TRUTH, Facts, Finder, Leg, Wanted, ways

BOOKS = sorted(playbooks.load().good)
_FLIPPED = {ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}


class World:
    """One playbook, ready to walk."""

    def __init__(self, book_id: str) -> None:
        self.book = playbooks.load().good[book_id]
        kinds = {use.probe: fact_kinds(probe(use.probe)) for use in self.book.probes.values()}
        self.schema: Schema = {name: kinds[use.probe] for name, use in self.book.probes.items()}
        self.tree = grow(self.book, kinds)
        self.finder = Finder(self.tree, self.schema)
        self.ways = list(ways(self.book))

    def readings_of(self, facts: Facts) -> dict[str, Reading]:
        """Readings of all probes; what is not given could not be told."""
        return {name: Reading() for name in self.book.probes} | make_readings(facts)

    def diagnosed(self, facts: Facts, tree: Tree | None = None) -> Diagnosis:
        """The end of a walk, of this tree or of a mutant."""
        found = walk(tree or self.tree, self.readings_of(facts))
        assert isinstance(found, Diagnosis)
        return found

    def leading_to(self, code: str, *more: Wanted, clear: bool = False) -> Iterator[Diagnosis]:
        """Diagnoses of a cause, one for each way to it; `clear` ways have no unknown answer."""
        for way, target in self.ways:
            known = [
                (step, tuple(answer for answer in answers if answer != "unknown" or not clear)) for step, answers in way
            ]
            if target.cause == code and all(answers for _, answers in known):
                facts = self.finder.facts_for(known, *more)
                if facts is not None:
                    yield self.diagnosed(facts)

    def through(self, step: str, answer: Answer) -> Iterator[Leg]:
        """The ways that take this very branch."""
        for way, _ in self.ways:
            if any(passed == step and answer in answers for passed, answers in way):
                yield [(passed, (answer,) if passed == step else answers) for passed, answers in way]

    def mutants(self) -> Iterator[tuple[str, str]]:
        """Every step with one comparison turned round."""
        for name, expression in self.tree.when.items():
            root = ast.parse(expression.text, mode="eval")
            for node in [node for node in ast.walk(root) if isinstance(node, ast.Compare)]:
                kept = node.ops[0]
                node.ops[0] = _FLIPPED[type(kept)]()
                yield name, ast.unparse(root)
                node.ops[0] = kept

    def told_apart(self, step: str, text: str) -> Facts | None:
        """Facts under which a mutant comes to another verdict."""
        flipped = compile_expression(text, self.schema, self.tree.params)
        other = Tree(self.book, {**self.tree.when, step: flipped}, self.tree.certain_if, self.tree.verify)
        for way in (way for answer in ANSWERS for way in self.through(step, answer)):
            (answers,) = (answers for passed, answers in way if passed == step)
            others = frozenset({True, False, None}) - {TRUTH[answer] for answer in answers}
            facts = self.finder.facts_for(way, (flipped, others))
            if facts is not None and verdict(self.diagnosed(facts)) != verdict(self.diagnosed(facts, other)):
                return facts
        return None


@cache
def world(book_id: str) -> World:
    """The world of a playbook, made once."""
    return World(book_id)


def verdict(found: Diagnosis) -> tuple[object, ...]:
    """What the person on duty acts on."""
    cause = found.finding.cause.code if found.finding else None
    return found.outcome, cause, frozenset(finding.cause.code for finding in found.also_seen)
