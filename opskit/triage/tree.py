"""A playbook made ready to walk: every condition compiled, every reference checked. Comes before walk and lint."""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Iterator, Mapping

from opskit.model.message import Message, say
from opskit.model.playbook import Cause, Playbook, Step, Target
from opskit.model.problem import DefinitionError, Place, Problem, spelled
from opskit.model.regex import regex
from opskit.triage.expression import Expression, ExpressionError, Kind, Schema, compile_expression

Wrong = tuple[Place, Message]
_QUOTED = regex(r"'[^']*'|\"[^\"]*\"")
_NAMED = regex(r"(?<![\w.])([^\W\d]\w*)(\.?)")  # the probes, with a dot, and the parameters in a condition


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


def grow(playbook: Playbook, facts: Mapping[str, Mapping[str, Kind]], unsure: frozenset[str] = frozenset()) -> Tree:
    """Compile a playbook; `facts` are the declared facts by probe, `unsure` the places of a draft that say nothing.

    Raises DefinitionError with every problem found.
    """
    schema = {name: facts[use.probe] for name, use in playbook.probes.items() if use.probe in facts}
    compiler = _Compiler(playbook, schema, unsure)
    when = {step.id: compiler.compile(step.when, "steps", step.id, "when") for step in playbook.steps.values()}
    certain, verify = {}, {}
    for cause in playbook.causes.values():
        if cause.certain_if is not None:
            certain[cause.code] = compiler.compile(cause.certain_if, "causes", cause.code, "certain_if")
        verify[cause.code] = compiler.compile(cause.verify, "causes", cause.code, "verify")
    wrong = [
        *_wrong_references(playbook, facts, unsure),
        *_constant(when),
        *compiler.wrong,
        *_wrong_evidence(playbook, schema, unsure),
    ]
    problems = placed(playbook, [(place, _of_playbook(playbook, place, text)) for place, text in wrong], unsure)
    if problems:
        raise DefinitionError(problems)
    return Tree(playbook, _whole(when), _whole(certain), _whole(verify))


def placed(playbook: Playbook, wrong: Iterable[Wrong], unsure: frozenset[str]) -> list[Problem]:
    """Return what is wrong with its lines. What stands at an unsure place nobody wrote, so nothing is wrong with it."""
    sure = [(place, text) for place, text in wrong if spelled(*place) not in unsure]
    return [Problem(*playbook.where(*place), text) for place, text in sure]


def _of_playbook(playbook: Playbook, place: Place, text: Message) -> Message:
    """What is wrong with an included cause here need not be wrong in another playbook that includes it."""
    if playbook.where(*place)[0] == playbook.source:
        return text
    return say("{text} (as included by {playbook})", text=text, playbook=playbook.id)


class _Compiler:
    def __init__(self, playbook: Playbook, schema: Schema, unsure: frozenset[str]) -> None:
        self.schema = schema
        self.unsure = unsure
        self.unknown = [name for name in playbook.probes if name not in schema]
        self.params = {name: param.default for name, param in playbook.params.items()}
        self.wrong: list[Wrong] = []

    def compile(self, text: str, *place: str) -> Expression | None:
        try:
            return compile_expression(text, self.schema, self.params)
        except ExpressionError as error:
            if self._is_unsure(text):
                return None
            where = spelled(*place)
            self.wrong.append((place, say("{where}: {what} in `{text}`", where=where, what=error.reason, text=text)))
            return None

    def _is_unsure(self, text: str) -> bool:
        """True where a condition names what is on the list of mistakes itself, so that nobody knows what it means."""
        return any(self._is_unknown(*named) for named in _NAMED.findall(_QUOTED.sub("", text)))

    def _is_unknown(self, name: str, dot: str) -> bool:
        if dot:
            return name in self.unknown or (name not in self.schema and "probes" in self.unsure)
        return name not in self.params and "params" in self.unsure and not keyword.iskeyword(name)


def _constant(when: Mapping[str, Expression | None]) -> Iterator[Wrong]:
    for step, expression in when.items():
        if expression is not None and not expression.facts:
            text = say("steps.{step}.when: asks for no fact, so its answer is always the same", step=step)
            yield ("steps", step, "when"), text


def _whole(expressions: Mapping[str, Expression | None]) -> dict[str, Expression]:
    return {name: expression for name, expression in expressions.items() if expression is not None}


def _wrong_references(playbook: Playbook, facts: Mapping[str, object], unsure: frozenset[str]) -> Iterator[Wrong]:
    for name, use in playbook.probes.items():
        if use.probe not in facts:
            known = ", ".join(sorted(facts))
            text = say(
                "probes.{name}: unknown probe '{probe}', expected one of {known}",
                name=name,
                probe=use.probe,
                known=known,
            )
            yield ("probes", name, "use"), text
    if playbook.start not in playbook.steps and "steps" not in unsure:
        known = ", ".join(playbook.steps)
        text = say("start: there is no step '{step}', expected one of {known}", step=playbook.start, known=known)
        yield ("start",), text
    for step in playbook.steps.values():
        yield from _wrong_step(playbook, step, unsure)


def _wrong_step(playbook: Playbook, step: Step, unsure: frozenset[str]) -> Iterator[Wrong]:
    if not 1 <= step.stage <= len(playbook.stages) and "stages" not in unsure:
        text = say("steps.{step}.stage: expected 1 to {last}", step=step.id, last=len(playbook.stages))
        yield ("steps", step.id, "stage"), text
    for answer, target in step.then.items():
        if dangling(playbook, target) and _section(target) not in unsure:
            place = ("steps", step.id, answer)
            text = say(
                "{where}: expected a step, {{cause: CODE}} or {{end: healthy|unknown}} that exists",
                where=spelled(*place),
            )
            yield place, text


def _section(target: Target) -> str:
    return "steps" if target.step is not None else "causes" if target.cause is not None else ""


def dangling(playbook: Playbook, target: Target) -> bool:
    """Return whether a branch leads nowhere, or to two places."""
    if sum(part is not None for part in (target.step, target.cause, target.end)) != 1:
        return True
    if target.step is not None:
        return target.step not in playbook.steps
    return target.cause is not None and target.cause not in playbook.causes


def _wrong_evidence(playbook: Playbook, schema: Schema, unsure: frozenset[str]) -> Iterator[Wrong]:
    lists: list[tuple[Place, tuple[str, ...]]] = [
        *((("steps", step.id, "evidence"), step.evidence) for step in playbook.steps.values()),
        *((("causes", cause.code, "proof"), cause.proof) for cause in playbook.causes.values()),
    ]
    for place, names in lists:
        for number, name in enumerate(names):
            probe, _, fact = name.partition(".")
            if probe not in schema and (probe in playbook.probes or "probes" in unsure):
                continue  # the unknown probe itself is already on the list
            if fact not in schema.get(probe, {}):
                wrong = _no_fact(name, schema, playbook.probes)
                yield (*place, number), say("{where}: {wrong}", where=spelled(*place), wrong=wrong)


def _no_fact(name: str, schema: Schema, probes: Iterable[str]) -> Message:
    probe, _, fact = name.partition(".")
    if probe not in schema:
        known = ", ".join(probes) or "none"
        return say("there is no fact '{name}', expected PROBE.FACT of one of {known}", name=name, known=known)
    known = ", ".join(sorted(schema[probe]))
    return say("'{probe}' has no fact '{name}', it has {known}", probe=probe, name=fact, known=known)


def targets(playbook: Playbook, step: str) -> list[Target]:
    """Return where a step may lead."""
    return list(playbook.steps[step].then.values())


def cause_of(playbook: Playbook, target: Target) -> Cause | None:
    """Return the cause a branch ends in, if it does."""
    return playbook.causes[target.cause] if target.cause is not None else None
