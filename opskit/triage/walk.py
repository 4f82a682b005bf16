"""The walk: from the first question to a verdict. Called again and again while probes report, and once on a replay.

The verdict is the first cause that the questions lead to. Every other question is asked too, and what else it points
to is listed as also seen. Kleene logic makes early answers safe: what is decided while some facts are still missing
cannot be changed by their arrival.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

import msgspec

from opskit.model.diagnosis import Answered, Certainty, Diagnosis, Finding, Measured, Outcome, Unread
from opskit.model.message import say
from opskit.model.playbook import Answer, Cause, Step, Symptom, Target
from opskit.model.reading import Fact, Reading
from opskit.triage.expression import Expression
from opskit.triage.tree import Tree

SYMPTOM = "person.symptom"
"""The fact that a person tells, in a playbook that asks for it."""
_TOLD = frozenset(get_args(Symptom)) - {"untold"}


class Waiting(msgspec.Struct, frozen=True):
    """The walk stands at `step`, which cannot be answered before one of these probes reports."""

    step: str
    probes: tuple[str, ...]


def walk(tree: Tree, readings: Mapping[str, Reading]) -> Diagnosis | Waiting:
    """Walk as far as the readings allow; they are keyed by the probe's name in the playbook, and may be incomplete."""
    return _Walk(tree, readings).run()


def _tells(item: Measured) -> bool:
    """A "no" that was read nowhere, and an empty text, prove nothing."""
    return item.value is not None and (bool(item.evidence) or item.value is not False) and item.value != ""


def _same(one: Finding, other: Finding | None) -> bool:
    return other is not None and one.cause.code == other.cause.code


def _beside(named: Finding | None, found: Iterable[Finding | None]) -> tuple[Finding, ...]:
    """What else was found, and behind it what may follow from the named cause."""
    others = [item for item in found if item is not None and not _same(item, named)]
    if named is None:
        return tuple(others)
    code = named.cause.code
    marked = [msgspec.structs.replace(item, follows=code) if code in item.cause.follows else item for item in others]
    return tuple(sorted(marked, key=lambda item: bool(item.follows)))


class _Walk:
    def __init__(self, tree: Tree, readings: Mapping[str, Reading]) -> None:
        self.tree = tree
        self.readings = readings
        self.walked: list[Answered] = []

    def run(self) -> Diagnosis | Waiting:
        target = Target(step=self.tree.playbook.start)
        while target.step is not None:
            step = self.tree.playbook.steps[target.step]
            answer = self._answer(self.tree.when[step.id])
            missing = self._missing(self.tree.when[step.id])
            if answer == "unknown" and missing:
                return Waiting(step.id, missing)
            self.walked.append(self._answered(step, answer))
            target = step.then[answer]
        return self._diagnosis(target)

    def _diagnosis(self, target: Target) -> Diagnosis:
        playbook = self.tree.playbook
        finding = self._finding(playbook.causes[target.cause], blurred=self._blurred()) if target.cause else None
        asked = {answered.step for answered in self.walked}
        others = [
            self._answered(step, self._answer(self.tree.when[step.id]))
            for step in playbook.steps.values()
            if step.id not in asked
        ]
        also = self._also_seen(others, target.cause)
        named = self._explaining(finding, also)
        return Diagnosis(
            playbook=playbook.id,
            outcome="fault" if named is not None else self._outcome(target),
            finding=named,
            walked=tuple(self.walked),
            others=tuple(others),
            also_seen=_beside(named, (finding, *also)),
            unread=self._unread(),
            params=self.tree.params,
        )

    def _explaining(self, finding: Finding | None, also: tuple[Finding, ...]) -> Finding | None:
        """Return the first finding that explains what users are said to see; else what the walk came to.

        Where the walk came to no cause, it takes a person's word that there is one.
        """
        symptom = self._fact(SYMPTOM)
        if symptom not in _TOLD or (finding is not None and finding.cause.explains(symptom)):
            return finding
        better = next((item for item in also if item.cause.symptoms and item.cause.explains(symptom)), None)
        return finding if better is None else msgspec.structs.replace(better, certainty="probable")

    def _outcome(self, target: Target) -> Outcome:
        if target.cause is not None:
            return "fault"
        if target.end != "healthy":
            return "unknown"
        # Healthy needs every stage of the spine to have given at least one answer: a stage in the dark is not health.
        lit = {answered.stage for answered in self.walked if answered.answer != "unknown"}
        return "healthy" if lit == set(range(1, len(self.tree.playbook.stages) + 1)) else "unknown"

    def _also_seen(self, others: list[Answered], named: str | None) -> tuple[Finding, ...]:
        found: dict[str, Finding] = {}
        for answered in others:
            code = self.tree.playbook.steps[answered.step].then[answered.answer].cause
            if code is not None and code != named and answered.answer == "yes":
                found.setdefault(code, self._finding(self.tree.playbook.causes[code], blurred=False))
        return tuple(found.values())

    def _finding(self, cause: Cause, *, blurred: bool) -> Finding:
        condition = self.tree.certain_if.get(cause.code)
        proven = condition is not None and self._answer(condition) == "yes"
        certainty: Certainty = "certain" if proven and not blurred else "probable"
        proof = tuple(self._measured(name) for name in cause.proof)
        return Finding(cause, certainty, tuple(item for item in proof if _tells(item)))

    def _blurred(self) -> bool:
        """An unknown answer on the way may hide an earlier cause: then the verdict is probable at best."""
        return any(answered.answer == "unknown" for answered in self.walked)

    def _answer(self, condition: Expression) -> Answer:
        truth = condition.evaluate(self._fact, self.tree.params)
        return "unknown" if truth is None else "yes" if truth else "no"

    def _answered(self, step: Step, answer: Answer) -> Answered:
        names = dict.fromkeys((*step.evidence, *self.tree.when[step.id].facts))
        return Answered(step.id, step.stage, answer, tuple(self._measured(name) for name in names))

    def _measured(self, name: str) -> Measured:
        probe, _, fact = name.partition(".")
        reading = self.readings.get(probe)
        if reading is None:
            return Measured(name, None, (), say("no answer within the time for this walk"))
        value = reading.facts.get(fact)
        return Measured(name, value, reading.evidence.get(fact, ()), reading.reason(fact) if value is None else None)

    def _fact(self, name: str) -> Fact:
        probe, _, fact = name.partition(".")
        reading = self.readings.get(probe)
        return reading.facts.get(fact) if reading else None

    def _missing(self, condition: Expression) -> tuple[str, ...]:
        probes = dict.fromkeys(name.partition(".")[0] for name in condition.facts)
        return tuple(probe for probe in probes if probe not in self.readings)

    def _unread(self) -> tuple[Unread, ...]:
        """Every source that could not be read, then every single fact that a walked step missed."""
        # In the playbook's order, not in that of their arrival: the same facts give the same diagnosis.
        read = [(probe, self.readings[probe]) for probe in self.tree.playbook.probes if probe in self.readings]
        unread = [Unread(probe, reading.unreadable) for probe, reading in read if reading.unreadable is not None]
        dark = {item.subject for item in unread}
        for answered in self.walked:
            if answered.answer != "unknown":
                continue
            unread += [
                Unread(measured.fact, measured.why)
                for measured in answered.measured
                if measured.value is None and measured.why and measured.fact.partition(".")[0] not in dark
            ]
        return tuple({item.subject: item for item in unread}.values())
