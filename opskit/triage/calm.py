"""The facts of a calm day: those with which a playbook comes to "healthy" and no question points to a cause.

What tests of playbooks begin with, so that each need only say what is out of order. Facts take their plainest value
(false, 0, empty); where a question then points to a fault, or leads away from health, the one change is made that mends
most (min-conflicts, S. Minton et al., 1992), always the same one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from opskit.model.playbook import Answer, Playbook
from opskit.model.reading import Fact
from opskit.triage.compared import comparisons, root_of
from opskit.triage.expression import Expression, Kind
from opskit.triage.tree import Tree

Facts = dict[str, Fact]
_PLAIN: dict[Kind, Fact] = {"bool": False, "number": 0, "text": ""}
_NEAR = (0.0, 1.0, 10.0, 100.0)
_MOST_ROUNDS = 400
_MOST_PLACES = 20_000


def calm_facts(tree: Tree, kinds: Mapping[str, Kind], given: Mapping[str, Fact]) -> Facts | None:
    """Return the value of every fact, None where no calm day is found.

    `kinds` by the facts' full names; what is `given` stays as it is.
    """
    facts = {name: given.get(name, _PLAIN[kind]) for name, kind in kinds.items()}
    way = _way_to_health(tree.playbook)
    if way is None:
        return None
    wanted = [(tree.when[step], _truth(tree.playbook, step, way)) for step in tree.playbook.steps]
    wanted = [(condition, truth) for condition, truth in wanted if truth is not None]
    choices = {name: values for name, values in _choices(tree, kinds).items() if name not in given}
    return _mended(facts, [(condition, bool(truth)) for condition, truth in wanted], choices, tree.params)


def _truth(playbook: Playbook, step: str, way: Mapping[str, Answer]) -> bool | None:
    """What a question has to come to: on the way its answer, elsewhere no where a "yes" names a cause."""
    if step in way:
        return way[step] == "yes"
    return False if playbook.steps[step].then["yes"].cause is not None else None


def _way_to_health(playbook: Playbook) -> dict[str, Answer] | None:
    """The shortest way from the start to health that every stage has a part in, "no" before "yes"."""
    every = frozenset(range(1, len(playbook.stages) + 1))
    first = (playbook.start, frozenset[int]())
    waiting: deque[tuple[tuple[str, frozenset[int]], dict[str, Answer]]] = deque([(first, {})])
    seen: set[tuple[str, frozenset[int]]] = set()
    while waiting and len(seen) < _MOST_PLACES:
        place, so_far = waiting.popleft()
        if place in seen:
            continue
        seen.add(place)
        name, lit = place[0], place[1] | {playbook.steps[place[0]].stage}
        for answer in ("no", "yes"):
            way: dict[str, Answer] = {**so_far, name: answer}
            target = playbook.steps[name].then[answer]
            if target.end == "healthy" and lit == every:
                return way
            if target.step is not None:
                waiting.append(((target.step, lit), way))
    return None


def _choices(tree: Tree, kinds: Mapping[str, Kind]) -> dict[str, list[Fact]]:
    """The values of each fact that may make a difference."""
    found: dict[str, list[Fact]] = {
        name: [False, True] if kind == "bool" else [_PLAIN[kind]] for name, kind in kinds.items()
    }
    for condition in tree.when.values():
        for one in comparisons(root_of(condition), tree.params):
            for name in (one.fact, one.other):
                if name is not None:
                    found[name] += [value for value in _around(one.value) if value not in found[name]]
    return found


def _around(value: Fact) -> list[Fact]:
    if isinstance(value, bool | str):
        return [value]
    return list(_NEAR) if value is None else [value, value + 1, value - 1]


def _mended(
    facts: Facts, wanted: list[tuple[Expression, bool]], choices: Mapping[str, list[Fact]], params: Mapping[str, float]
) -> Facts | None:
    last = ""
    for number in range(_MOST_ROUNDS):
        broken = [item for item in wanted if item[0].evaluate(facts.get, params) is not item[1]]
        if not broken:
            return facts
        condition = broken[number % len(broken)][0]
        tries = [(name, value) for name in condition.facts if name != last for value in choices.get(name, [])]
        tries = [(name, value) for name, value in tries if facts[name] is not value and facts[name] != value]
        if not tries:
            last = ""
            continue
        name, value = min(tries, key=lambda change: _broken({**facts, change[0]: change[1]}, wanted, params))
        facts, last = {**facts, name: value}, name
    return None


def _broken(facts: Facts, wanted: list[tuple[Expression, bool]], params: Mapping[str, float]) -> int:
    return sum(condition.evaluate(facts.get, params) is not truth for condition, truth in wanted)
