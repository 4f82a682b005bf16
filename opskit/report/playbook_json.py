"""A playbook as JSON. Keys, ids, codes and answers are English always."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opskit.model.playbook import Playbook, Step, Target
from opskit.model.reader import Reader
from opskit.report.playbook_words import condition_of, question_of


def list_json(books: Sequence[Playbook], reader: Reader) -> list[dict[str, Any]]:
    """Return one object for each playbook."""
    return [_head(book, reader) for book in books]


def book_json(book: Playbook, reader: Reader) -> dict[str, Any]:
    """Return the whole of a playbook, its numbers filled in."""
    return {
        **_head(book, reader),
        "budget_s": book.budget,
        "start": book.start,
        "stages": [reader.read(stage) for stage in book.stages],
        "params": {name: param.default for name, param in book.params.items()},
        "probes": {name: use.probe for name, use in book.probes.items()},
        "steps": [step_json(book, step, reader) for step in book.steps.values()],
        "causes": [
            {"code": cause.code, "layer": cause.layer, "summary": reader.read(cause.summary)}
            for _, cause in sorted(book.causes.items())
        ],
    }


def step_json(book: Playbook, step: Step, reader: Reader) -> dict[str, Any]:
    """Return one question."""
    return {
        "id": step.id,
        "stage": step.stage,
        "ask": question_of(book, step, reader),
        "when": step.when,
        "condition": condition_of(book, step.when),
        "evidence": list(step.evidence),
        "then": {answer: _target(target) for answer, target in step.then.items()},
    }


def _head(book: Playbook, reader: Reader) -> dict[str, Any]:
    return {
        "id": book.id,
        "title": reader.read(book.title),
        "source": book.source,
        "step_count": len(book.steps),
        "cause_count": len(book.causes),
    }


def _target(target: Target) -> dict[str, str]:
    pairs = (("step", target.step), ("cause", target.cause), ("end", target.end))
    return {key: value for key, value in pairs if value is not None}
