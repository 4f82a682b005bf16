"""A playbook made ready to walk: every condition compiled, every reference checked. Comes before walk and lint."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from opskit.model.message import Message, say
from opskit.model.playbook import Cause, Playbook, Step, Target
from opskit.model.problem import DefinitionError, Problem
from opskit.triage.expression import Expression, ExpressionError, Kind, Schema, compile_expression


class Tree:
    """The playbook with its conditions: `when` by step, `certain_if` and `verify` by cause code."""

    def __init__(
        self,
        playbook: Playbook,
        when: Mapping[str, Expression],
        certain_if: Mapping[str, Expression],
        verify: Mapping[str, Expression],
    ) -> None:
        self.playbook = playbook
        self.when = when
        self.certain_if = certain_if
        self.verify = verify
        self.params = {name: param.default for name, param in playbook.params.items()}


def grow(playbook: Playbook, facts: Mapping[str, Mapping[str, Kind]]) -> Tree:
    """Compile a playbook; `facts` are the declared facts by probe.

    Raises DefinitionError with every problem found.
    """
    problems = list(_reference_problems(playbook, facts))
    schema = {name: facts[use.probe] for name, use in playbook.probes.items() if use.probe in facts}
    compiler = _Compiler(playbook, schema)
    when = {
        step.id: compiler.compile(step.when, step.line, f"steps.{step.id}.when") for step in playbook.steps.values()
    }
    problems += [_constant(playbook, name) for name, expression in when.items() if expression and not expression.facts]
    certain, verify = {}, {}
    for cause in playbook.causes.values():
        if cause.certain_if is not None:
            certain[cause.code] = compiler.compile(cause.certain_if, cause.line, f"causes.{cause.code}.certain_if")
        verify[cause.code] = compiler.compile(cause.verify, cause.line, f"causes.{cause.code}.verify")
    problems += compiler.problems
    problems += list(_evidence_problems(playbook, schema))
    if problems:
        raise DefinitionError(problems)
    return Tree(playbook, _whole(when), _whole(certain), _whole(verify))


class _Compiler:
    def __init__(self, playbook: Playbook, schema: Schema) -> None:
        self.playbook = playbook
        self.schema = schema
        self.params = {name: param.default for name, param in playbook.params.items()}
        self.problems: list[Problem] = []

    def compile(self, text: str, line: int, where: str) -> Expression | None:
        try:
            return compile_expression(text, self.schema, self.params)
        except ExpressionError as error:
            reason = say("{where}: {what} in `{text}`", where=where, what=error.reason, text=text)
            self.problems.append(Problem(self.playbook.source, line, reason))
            return None


def _constant(playbook: Playbook, step: str) -> Problem:
    text = say("steps.{step}.when: asks for no fact, so its answer is always the same", step=step)
    return Problem(playbook.source, playbook.steps[step].line, text)


def _whole(expressions: Mapping[str, Expression | None]) -> dict[str, Expression]:
    return {name: expression for name, expression in expressions.items() if expression is not None}


def _reference_problems(playbook: Playbook, facts: Mapping[str, object]) -> Iterator[Problem]:
    for name, use in playbook.probes.items():
        if use.probe not in facts:
            known = ", ".join(sorted(facts))
            text = say(
                "probes.{name}: unknown probe '{probe}', expected one of {known}",
                name=name,
                probe=use.probe,
                known=known,
            )
            yield Problem(playbook.source, 0, text)
    if playbook.start not in playbook.steps:
        yield Problem(playbook.source, 0, say("start: there is no step '{step}'", step=playbook.start))
    for step in playbook.steps.values():
        for wrong in _step_problems(playbook, step):
            yield Problem(playbook.source, step.line, wrong)


def _step_problems(playbook: Playbook, step: Step) -> Iterator[Message]:
    if not 1 <= step.stage <= len(playbook.stages):
        yield say("steps.{step}.stage: expected 1 to {last}", step=step.id, last=len(playbook.stages))
    for answer, target in step.then.items():
        if _dangling(playbook, target):
            where = f"steps.{step.id}.{answer}"
            yield say("{where}: expected a step, {{cause: CODE}} or {{end: healthy|unknown}} that exists", where=where)


def _dangling(playbook: Playbook, target: Target) -> bool:
    if sum(part is not None for part in (target.step, target.cause, target.end)) != 1:
        return True
    if target.step is not None:
        return target.step not in playbook.steps
    return target.cause is not None and target.cause not in playbook.causes


def _evidence_problems(playbook: Playbook, schema: Schema) -> Iterator[Problem]:
    places = [(step.line, f"steps.{step.id}.evidence", step.evidence) for step in playbook.steps.values()]
    places += [(cause.line, f"causes.{cause.code}.proof", cause.proof) for cause in playbook.causes.values()]
    for line, where, names in places:
        for name in names:
            probe, _, fact = name.partition(".")
            if probe in playbook.probes and probe not in schema:
                continue  # the unknown probe itself is already on the list
            if fact not in schema.get(probe, {}):
                yield Problem(playbook.source, line, say("{where}: there is no fact '{name}'", where=where, name=name))


def targets(playbook: Playbook, step: str) -> list[Target]:
    """Return where a step may lead."""
    return list(playbook.steps[step].then.values())


def cause_of(playbook: Playbook, target: Target) -> Cause | None:
    """Return the cause a branch ends in, if it does."""
    return playbook.causes[target.cause] if target.cause is not None else None
