"""Tests of playbooks for a terminal, and as one JSON object: what differs, then the sums, then what nobody tested."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from opskit.model.message import say
from opskit.model.playbook import Answer
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.report.tested import CaseResult, Covered


def tested_text(tests: Sequence[CaseResult], covered: Sequence[Covered], reader: Reader) -> str:
    """Return the report without a final line end."""
    lines = [line for test in tests if test.differs for line in _failed(test, reader)]
    failed = sum(bool(test.differs) for test in tests)
    lines.append(reader.read(say("{tests} tests, {failed} failed", tests=len(tests), failed=failed)))
    lines += [line for one in covered for line in _covered(one, reader)]
    return "\n".join(lines)


def tested_json(tests: Sequence[CaseResult], covered: Sequence[Covered], reader: Reader) -> dict[str, Any]:
    """Return the same as an object."""
    return {
        "tests": [
            {
                "name": test.name,
                "file": test.source,
                "line": test.line,
                "passed": not test.differs,
                "differs": [reader.read(text) for text in test.differs],
            }
            for test in tests
        ],
        "failed": sum(bool(test.differs) for test in tests),
        "coverage": [_covered_json(one) for one in covered],
    }


def _failed(test: CaseResult, reader: Reader) -> Iterator[str]:
    place = f"{printable(test.source, 1000)}:{test.line}"
    yield reader.read(say("FAILED {place}: {name}", place=place, name=test.name))
    yield from (f"  {reader.read(text)}" for text in test.differs)


def _covered(one: Covered, reader: Reader) -> Iterator[str]:
    yield reader.read(
        say(
            "{playbook}: {causes} of {all_causes} causes reached, {answers} of {all_answers} answers",
            playbook=one.playbook,
            causes=one.causes - len(one.missed_causes),
            all_causes=one.causes,
            answers=one.answers - len(one.missed_answers),
            all_answers=one.answers,
        )
    )
    if one.missed_causes:
        yield "  " + reader.read(say("no test reaches {what}", what=", ".join(one.missed_causes)))
    for step, answers in _by_step(one).items():
        yield "  " + reader.read(say("no test answers {step} with {answers}", step=step, answers=", ".join(answers)))


def _covered_json(one: Covered) -> dict[str, Any]:
    return {
        "playbook": one.playbook,
        "causes": one.causes,
        "answers": one.answers,
        "missed_causes": list(one.missed_causes),
        "missed_answers": _by_step(one),
    }


def _by_step(one: Covered) -> dict[str, list[Answer]]:
    steps: dict[str, list[Answer]] = {}
    for step, answer in one.missed_answers:
        steps.setdefault(step, []).append(answer)
    return steps
