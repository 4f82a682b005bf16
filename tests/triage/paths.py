"""Finds facts that lead a walk along a given way: what the tests of a real playbook are made of.

A way is a list of steps, each with the answers that lead onward. Facts take the few values that matter to the
conditions: each number that something is compared with, one below and one above, true, false, and not known.

All conditions of a way must hold at once. From calm facts one that does not hold is mended after the other, by the
change that breaks the fewest others (min-conflicts, S. Minton et al., 1992); chance is seeded, so a run is repeatable.
"""

from __future__ import annotations

import ast
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from opskit.model.playbook import Answer, Playbook, Target
from opskit.model.reading import Fact
from opskit.triage.expression import Expression, Kind, Schema
from opskit.triage.tree import Tree

Facts = dict[str, Fact]
Leg = list[tuple[str, tuple[Answer, ...]]]
Truths = frozenset[bool | None]
Wanted = tuple[Expression, Truths]
ANSWERS: tuple[Answer, ...] = ("yes", "no", "unknown")
TRUTH: dict[Answer, bool | None] = {"yes": True, "no": False, "unknown": None}
_TRIES, _CANDIDATES, _STARTS = 60, 4, 3


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
    words: dict[str, set[str]] = {}
    for expression in (*tree.when.values(), *tree.certain_if.values(), *tree.verify.values()):
        for node in ast.walk(ast.parse(expression.text, mode="eval")):
            if isinstance(node, ast.Compare):
                sides = (node.left, node.comparators[0])
                for fact, other in (sides, sides[::-1]):
                    if isinstance(fact, ast.Attribute):
                        if isinstance(other, ast.Constant) and isinstance(other.value, str):
                            words.setdefault(ast.unparse(fact), set()).add(other.value)
                        else:
                            numbers.setdefault(ast.unparse(fact), set()).update(_constants(ast.unparse(other), tree))
    kinds = {f"{probe}.{fact}": kind for probe, facts in schema.items() for fact, kind in facts.items()}
    return {fact: _values(kind, numbers.get(fact, set()), words.get(fact, set())) for fact, kind in kinds.items()}


def _constants(text: str, tree: Tree) -> list[float]:
    if text in tree.params:
        return [tree.params[text]]
    try:
        return [float(text)]
    except ValueError:
        return [10.0, 100.0]  # another fact: some values on either side


def _values(kind: Kind, numbers: set[float], words: set[str]) -> list[Fact]:
    if kind == "bool":
        return [False, True, None]
    if kind == "text":
        return ["", *sorted(words - {""}), "another", None]
    around = sorted({near for number in numbers or {0.0} for near in (number - 1, number, number + 1) if near >= 0})
    return [*around, None]


class Finder:
    """Chooses facts for ways through one tree."""

    def __init__(self, tree: Tree, schema: Schema) -> None:
        self.tree = tree
        self.choices = values(tree, schema)

    def facts_for(self, way: Leg, *more: Wanted) -> Facts | None:
        """Return facts that make the walk go this way, and more hold besides; None where none are found."""
        return self.solve([*(self.wanted(*step) for step in way), *more])

    def wanted(self, step: str, answers: Sequence[Answer]) -> Wanted:
        """What a step's condition has to come to."""
        return self.tree.when[step], frozenset(TRUTH[answer] for answer in answers)

    def solve(self, wanted: Sequence[Wanted]) -> Facts | None:
        """Return facts under which every condition comes to one of its truths."""
        for seed in range(_STARTS):
            found = _Search(self.choices, self.tree.params, wanted, seed).run()
            if found is not None:
                return found
        return None


class _Search:
    def __init__(
        self, choices: dict[str, list[Fact]], params: dict[str, float], wanted: Sequence[Wanted], seed: int
    ) -> None:
        self.choices = choices
        self.params = params
        self.wanted = wanted
        self.chance = random.Random(seed)
        self.facts: Facts = {name: of[0] for name, of in choices.items()}
        self.about: dict[str, list[int]] = defaultdict(list)
        for place, (condition, _) in enumerate(wanted):
            for name in condition.facts:
                self.about[name].append(place)
        self.roots = [ast.parse(condition.text, mode="eval").body for condition, _ in wanted]
        self.bad = {place for place in range(len(wanted)) if not self._holds(place, self.facts.get)}

    def run(self) -> Facts | None:
        for _ in range(_TRIES):
            if not self.bad:
                return dict(self.facts)
            place = self.chance.choice(sorted(self.bad))
            changes = [self._change(place) for _ in range(_CANDIDATES)]
            best = min(changes, key=self._broken_by)
            self.facts.update(best)
            touched = {other for name in best for other in self.about[name]}
            self.bad = (self.bad - touched) | {other for other in touched if not self._holds(other, self.facts.get)}
        return None

    def _holds(self, place: int, fact: Callable[[str], Fact]) -> bool:
        condition, truths = self.wanted[place]
        return condition.evaluate(fact, self.params) in truths

    def _broken_by(self, change: Facts) -> tuple[int, float]:
        touched = {other for name in change for other in self.about[name]}

        def fact(name: str) -> Fact:
            return change[name] if name in change else self.facts.get(name)

        return sum(not self._holds(other, fact) for other in touched), self.chance.random()

    def _change(self, place: int) -> Facts:
        """Some choice of facts that brings one condition to one of its truths."""
        truths = sorted(self.wanted[place][1], key=str)
        change: Facts = {}
        self._want(self.roots[place], self.chance.choice(truths), change)
        return change

    def _want(self, node: ast.expr, truth: bool | None, change: Facts) -> None:
        if isinstance(node, ast.BoolOp):
            self._want_parts(node, truth, change)
        elif isinstance(node, ast.UnaryOp):
            self._want(node.operand, None if truth is None else not truth, change)
        elif isinstance(node, ast.Compare):
            self._want_comparison(node, truth, change)
        else:
            change[ast.unparse(node)] = truth

    def _want_parts(self, node: ast.BoolOp, truth: bool | None, change: Facts) -> None:
        decisive = isinstance(node.op, ast.Or)
        parts = list(node.values)
        self.chance.shuffle(parts)
        if truth is decisive:
            self._want(parts[0], decisive, change)
            return
        for number, part in enumerate(parts):
            unknown = truth is None and (number == 0 or self.chance.random() < 0.2)
            self._want(part, None if unknown else not decisive, change)

    def _want_comparison(self, node: ast.Compare, truth: bool | None, change: Facts) -> None:
        names = [ast.unparse(side) for side in (node.left, node.comparators[0]) if isinstance(side, ast.Attribute)]
        whole = ast.unparse(node)
        options = [some for some in self._combinations(names) if _compared(whole, some, self.params) is truth]
        if options:
            change.update(self.chance.choice(options))

    def _combinations(self, names: list[str]) -> list[Facts]:
        found: list[Facts] = [{}]
        for name in names:
            found = [{**some, name: value} for some in found for value in self.choices[name]]
        return found


_MEMO: dict[tuple[object, ...], bool | None] = {}


def _compared(text: str, facts: Facts, params: dict[str, float]) -> bool | None:
    key = (text, *facts.items(), *params.items())
    if key not in _MEMO:
        condition = Expression(text, ast.parse(text, mode="eval").body, tuple(facts))
        _MEMO[key] = condition.evaluate(facts.get, params)
    return _MEMO[key]
