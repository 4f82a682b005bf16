"""Questions that decide nothing: all answers lead to one place, the answer is always the same, or it is known already.

Part of lint. What makes some branch impossible is a mistake; what is merely idle is an advice, for a question may be
asked for the report alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from opskit.model.message import Message, say
from opskit.model.playbook import Answer, Playbook
from opskit.model.problem import Place
from opskit.triage.compared import root_of
from opskit.triage.constant import always
from opskit.triage.expression import Expression

Found = tuple[Place, Message]
_ALL: frozenset[Answer] = frozenset({"yes", "no", "unknown"})


def constant_conditions(when: Mapping[str, Expression], params: Mapping[str, float]) -> Iterator[Found]:
    """Yield the conditions that can come to one answer only, whatever their facts are."""
    for step, expression in when.items():
        answer = always(expression, params) if expression.facts else None
        if answer is not None:
            said = say("yes") if answer else say("no")
            text = say("steps.{step}.when: whatever its facts are, the answer is {answer}", step=step, answer=said)
            yield ("steps", step, "when"), text


def repeated_conditions(playbook: Playbook, when: Mapping[str, Expression]) -> Iterator[Found]:
    """Yield the steps that ask what all ways to them have asked already, so that some branch is never taken."""
    for step, first, answers in _repeats(playbook, when):
        if answers != _ALL:
            known = ", ".join(sorted(answers))
            text = say(
                "steps.{step}.when: steps.{first} has asked this already on the way here, so the answer is {known}",
                step=step,
                first=first,
                known=known,
            )
            yield ("steps", step, "when"), text


def idle_questions(playbook: Playbook, when: Mapping[str, Expression]) -> Iterator[Found]:
    """Yield what is no mistake and worth a look."""
    for step in playbook.steps.values():
        yes, no, unknown = (step.then[answer] for answer in ("yes", "no", "unknown"))
        if yes == no == unknown:
            yield ("steps", step.id), say("steps.{step}: all answers lead to the same place", step=step.id)
        elif yes == unknown and (yes.cause is not None or yes.end == "healthy"):
            text = say("steps.{step}.unknown: what cannot be told ends like a yes", step=step.id)
            yield ("steps", step.id, "unknown"), text
    for step_id, first, answers in _repeats(playbook, when):
        if answers == _ALL:
            text = say("steps.{step}.when: steps.{first} asks the same", step=step_id, first=first)
            yield ("steps", step_id, "when"), text


def _repeats(playbook: Playbook, when: Mapping[str, Expression]) -> Iterator[tuple[str, str, frozenset[Answer]]]:
    """Yield each step whose condition stands before it on some way, that step, and the answers still possible."""
    same: dict[str, list[str]] = {}
    for step, expression in when.items():
        if step in playbook.steps:
            same.setdefault(ast.dump(root_of(expression)), []).append(step)
    order = _in_order(playbook)
    for steps in same.values():
        if len(steps) < 2:
            continue
        known = _known(playbook, set(steps), order)
        ranked = [step for step in order if step in steps]
        for later, step in enumerate(ranked):
            before = [first for first in ranked[:later] if _leads(playbook, first, step)]
            if before:
                yield step, before[0], known[step]


def _in_order(playbook: Playbook) -> list[str]:
    """The steps that can be reached, each after all that lead to it; empty where the walk can go in circles."""
    order: list[str] = []
    done: dict[str, bool] = {}
    stack = [(playbook.start, False)]
    while stack:
        name, left = stack.pop()
        if left:
            done[name] = True
            order.append(name)
        elif name in done:
            if not done[name]:
                return []
        elif name in playbook.steps:
            done[name] = False
            stack.append((name, True))
            stack += [(to, False) for to in _next(playbook, name) if not done.get(to)]
    return order[::-1]


def _next(playbook: Playbook, step: str) -> list[str]:
    return [to.step for to in playbook.steps[step].then.values() if to.step in playbook.steps and to.step is not None]


def _known(playbook: Playbook, asking: set[str], order: list[str]) -> dict[str, frozenset[Answer]]:
    """Which answers to one condition are still possible at each step, over all ways that lead there."""
    found: dict[str, frozenset[Answer]] = {playbook.start: _ALL}
    for name in order:
        here = found.get(name, frozenset())
        for answer, target in playbook.steps[name].then.items():
            if target.step in playbook.steps and target.step is not None:
                onward = here & {answer} if name in asking else here
                found[target.step] = found.get(target.step, frozenset()) | onward
    return found


def _leads(playbook: Playbook, first: str, last: str) -> bool:
    waiting, seen = [first], set[str]()
    while waiting:
        name = waiting.pop()
        if name == last:
            return True
        if name not in seen:
            seen.add(name)
            waiting += _next(playbook, name)
    return False
