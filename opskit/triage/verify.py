"""Whether a cause is cured: its `verify` condition, on the readings of the walk and again on those after a remedy."""

from __future__ import annotations

from collections.abc import Mapping

from opskit.model.diagnosis import Measured
from opskit.model.playbook import Answer
from opskit.model.reading import Fact, Reading
from opskit.model.treatment import Verified
from opskit.triage.tree import Tree

_NOT_ASKED = Reading()


def probes_of(tree: Tree, code: str) -> tuple[str, ...]:
    """Return the probes, by their names in the playbook, that the condition of this cause needs."""
    return tuple(dict.fromkeys(name.partition(".")[0] for name in tree.verify[code].facts))


def verified(tree: Tree, code: str, readings: Mapping[str, Reading], seconds: float = 0.0) -> Verified:
    """Return whether the condition holds: a fact that could not be told makes it unknown, never yes."""

    def fact(name: str) -> Fact:
        probe, _, field = name.partition(".")
        return readings.get(probe, _NOT_ASKED).facts.get(field)

    def measured(name: str) -> Measured:
        probe, _, field = name.partition(".")
        reading, value = readings.get(probe, _NOT_ASKED), fact(name)
        return Measured(name, value, reading.evidence.get(field, ()), reading.reason(field) if value is None else None)

    condition = tree.verify[code]
    truth = condition.evaluate(fact, tree.params)
    answer: Answer = "unknown" if truth is None else "yes" if truth else "no"
    return Verified(answer, tuple(measured(name) for name in condition.facts), seconds)
