"""Finds facts that lead a walk along a given way: what the tests of a real playbook are made of.

A way is a list of steps, each with the answers that lead onward. Facts take the few values that matter to the
conditions: each number that something is compared with, one below and one above, true, false, and not known.
"""

from __future__ import annotations

import ast
import itertools
from collections import Counter
from collections.abc import Iterator

from opskit.model.playbook import Answer, Playbook, Target
from opskit.model.reading import Fact
from opskit.triage.expression import Expression, Kind, Schema
from opskit.triage.tree import Tree

Facts = dict[str, Fact]
Leg = list[tuple[str, tuple[Answer, ...]]]
ANSWERS: tuple[Answer, ...] = ("yes", "no", "unknown")
TRUTH: dict[Answer, bool | None] = {"yes": True, "no": False, "unknown": None}


def ways(playbook: Playbook) -> Iterator[tuple[Leg, Target]]:
    """Yield every way from the start to an end; answers that lead to the same place are one branch."""

    def onward(target: Target, so_far: Leg) -> Iterator[tuple[Leg, Target]]:
        if target.step is None:
            yield so_far, target
            return
        branches: dict[Target, tuple[Answer, ...]] = {}
        then = playbook.steps[target.step].then
        for answer in ("no", "unknown", "yes"):
            branches[then[answer]] = (*branches.get(then[answer], ()), answer)
        for following, answers in branches.items():
            yield from onward(following, [*so_far, (target.step, answers)])

    yield from onward(Target(step=playbook.start), [])


def values(tree: Tree, schema: Schema) -> dict[str, list[Fact]]:
    """The values of each fact that may make a difference to some condition."""
    numbers: dict[str, set[float]] = {}
    for expression in (*tree.when.values(), *tree.certain_if.values(), *tree.verify.values()):
        for node in ast.walk(ast.parse(expression.text, mode="eval")):
            if isinstance(node, ast.Compare):
                sides = [ast.unparse(side) for side in (node.left, node.comparators[0])]
                for fact, other in (sides, sides[::-1]):
                    if "." in fact and not fact[0].isdigit():
                        numbers.setdefault(fact, set()).update(_constants(other, tree))
    kinds = {f"{probe}.{fact}": kind for probe, facts in schema.items() for fact, kind in facts.items()}
    return {fact: _values(kind, numbers.get(fact, set())) for fact, kind in kinds.items()}


def _constants(text: str, tree: Tree) -> list[float]:
    if text in tree.params:
        return [tree.params[text]]
    try:
        return [float(text)]
    except ValueError:
        return [10.0, 100.0]  # another fact: some values on either side


def _values(kind: Kind, numbers: set[float]) -> list[Fact]:
    if kind == "bool":
        return [False, True, None]
    if kind == "text":
        return ["", None]
    around = sorted({near for number in numbers or {0.0} for near in (number - 1, number, number + 1) if near >= 0})
    return [*around, None]


class Finder:
    """Chooses facts for ways through one tree. All conditions must hold at once, the tightest comes first."""

    def __init__(self, tree: Tree, schema: Schema) -> None:
        self.tree = tree
        self.choices = values(tree, schema)
        self.known: dict[tuple[str, tuple[Answer, ...]], list[Facts]] = {}

    def facts_for(self, way: Leg) -> Facts | None:
        """Return facts that make the walk go this way, or None where there are none."""
        return self.join([self.holding(*step) for step in way])

    def join(self, options: list[list[Facts]]) -> Facts | None:
        """Return facts that agree with one choice of each list."""
        return self._join(sorted(_essential(options), key=len), {}) if all(options) else None

    def _join(self, rest: list[list[Facts]], chosen: Facts) -> Facts | None:
        if not rest:
            return chosen
        for facts in rest[0]:
            left = [[more for more in options if _agree(more, facts)] for options in rest[1:]]
            found = self._join(sorted(left, key=len), {**chosen, **facts}) if all(left) else None
            if found is not None:
                return found
        return None

    def holding(self, step: str, answers: tuple[Answer, ...]) -> list[Facts]:
        """Every choice of the step's own facts that leads to one of the answers."""
        if (step, answers) not in self.known:
            self.known[step, answers] = self.making(self.tree.when[step], answers)
        return self.known[step, answers]

    def making(self, condition: Expression, answers: tuple[Answer, ...]) -> list[Facts]:
        """Every choice of a condition's facts that makes it one of these."""
        wanted = [TRUTH[answer] for answer in answers]
        choices = itertools.product(*(self.choices[fact] for fact in condition.facts))
        named = (dict(zip(condition.facts, some, strict=True)) for some in choices)
        return [facts for facts in named if condition.evaluate(facts.get, self.tree.params) in wanted]


def _essential(options: list[list[Facts]]) -> list[list[Facts]]:
    """Keep one choice of those that differ only in facts which no other list speaks of: they cannot disagree there."""
    spoken = Counter(fact for choices in options for fact in {name for facts in choices for name in facts})
    return [list(_told_apart(choices, spoken).values()) for choices in options]


def _told_apart(choices: list[Facts], spoken: Counter[str]) -> dict[tuple[tuple[str, Fact], ...], Facts]:
    """The first of each kind, which knows most: what is not known stands last among the values of a fact."""
    kinds: dict[tuple[tuple[str, Fact], ...], Facts] = {}
    for facts in choices:
        kinds.setdefault(tuple((name, value) for name, value in facts.items() if spoken[name] > 1), facts)
    return kinds


def _agree(one: Facts, other: Facts) -> bool:
    return all(other[name] == value for name, value in one.items() if name in other)
