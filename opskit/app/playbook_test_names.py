"""Whether what a test of a playbook names is there: facts with their types, causes, steps. Comes before the run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from opskit.definitions.playbook_tests import Cases, Expected
from opskit.model.message import Message, say
from opskit.model.problem import Place, Problem, spelled
from opskit.triage.expression import Kind
from opskit.triage.tree import Tree

_EXIT_CODES = (0, 2, 3)
_FITS: dict[Kind, tuple[type, ...]] = {"bool": (bool,), "number": (int, float), "text": (str,)}


def wrong_names(cases: Cases, tree: Tree, kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    """Yield a problem for each name that the playbook does not have, and each value that its fact cannot have."""
    for place, text in _wrong(cases, tree, kinds):
        yield Problem(cases.source, cases.lines.of(*place), text)


def _wrong(cases: Cases, tree: Tree, kinds: Mapping[str, Kind]) -> Iterator[tuple[Place, Message]]:
    yield from _wrong_facts(cases.calm, ("calm",), kinds)
    for number, case in enumerate(cases.tests):
        place: Place = ("tests", number)
        yield from _wrong_facts(case.facts, (*place, "facts"), kinds)
        yield from _wrong_expected(case.expect, (*place, "expect"), tree)


def _wrong_facts(facts: Mapping[str, Any], place: Place, kinds: Mapping[str, Kind]) -> Iterator[tuple[Place, Message]]:
    for name, value in facts.items():
        here = (*place, name)
        if name not in kinds:
            probes = ", ".join(dict.fromkeys(known.partition(".")[0] for known in kinds))
            text = say(
                "{where}: there is no fact '{name}' of {probes}", where=spelled(*place), name=name, probes=probes
            )
            yield here, text
        elif value is not None and not _fits(value, kinds[name]):
            yield here, say("{where}: '{name}' is a {kind}", where=spelled(*place), name=name, kind=kinds[name])


def _fits(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool):
        return kind == "bool"
    return isinstance(value, _FITS[kind]) and not (isinstance(value, float) and not math.isfinite(value))


def _wrong_expected(expected: Expected, place: Place, tree: Tree) -> Iterator[tuple[Place, Message]]:
    book = tree.playbook
    codes = [(("cause",), expected.cause)] if expected.cause is not None else []
    listed = [(("also_seen", number), code) for number, code in enumerate(expected.also_seen or ())]
    for inner, code in [*codes, *listed]:
        if code not in book.causes:
            text = say("{where}: '{code}' is no cause of this playbook", where=spelled(*place, *inner), code=code)
            yield (*place, *inner), text
    for number, step in enumerate(expected.path):
        if step not in book.steps:
            inside = (*place, "path", number)
            yield inside, say("{where}: there is no step '{step}'", where=spelled(*inside), step=step)
    if expected.exit_code is not None and expected.exit_code not in _EXIT_CODES:
        inside = (*place, "exit_code")
        yield inside, say("{where}: expected 0, 2 or 3", where=spelled(*inside))
