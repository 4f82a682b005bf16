"""A diagnosis as one JSON object, as docs/schemas/triage-v1.json has it. Codes, keys and states are English always."""

from __future__ import annotations

from typing import Any

from opskit.model.diagnosis import Answered, Finding, Measured
from opskit.model.playbook import Remedy
from opskit.model.reader import Reader
from opskit.report.check_json import evidence_json, number
from opskit.report.told import Told
from opskit.report.treatment_json import treatment_json
from opskit.report.triage_text import question

SCHEMA = "opskit.triage/v1"


def triage_json(told: Told, reader: Reader) -> dict[str, Any]:
    """Return verdict, cause, steps, evidence, also_seen, unknown, and what was done about it."""
    found = told.diagnosis
    return {
        "schema": SCHEMA,
        "verdict": found.outcome,
        "playbook": found.playbook,
        "at": reader.time(told.at).isoformat(),
        "seconds": round(told.seconds, 3),
        "exit_code": told.exit_code,
        "host": told.host,
        "origin": told.origin or None,
        "versions": told.versions,
        "past": told.past,
        "request": _request(told, reader) if told.became else None,
        "cause": _cause(found.finding, reader) if found.finding else None,
        "steps": [_step(answered, told, reader) for answered in found.walked],
        "evidence": _proof(found.finding, reader) if found.finding else [],
        "also_seen": [_beside(finding, reader) for finding in found.also_seen],
        "unknown": [{"subject": item.subject, "reason": reader.read(item.reason)} for item in found.unread],
        "treatment": treatment_json(told.treatment, told.verify, reader) if told.treatment else None,
    }


def _request(told: Told, reader: Reader) -> dict[str, Any]:
    """What became of the request that was asked about."""
    became = [reader.read(message) for message in told.became]
    return {"became": became, "evidence": [_measured(item, reader) for item in told.request]}


def _beside(finding: Finding, reader: Reader) -> dict[str, Any]:
    follows = finding.follows or None
    return {**_cause(finding, reader), "follows": follows, "evidence": _proof(finding, reader)}


def _cause(finding: Finding, reader: Reader) -> dict[str, Any]:
    cause = finding.cause
    return {
        "code": cause.code,
        "layer": cause.layer,
        "certainty": finding.certainty,
        "summary": reader.read(cause.summary),
        "verify": cause.verify,
        "remedy": [remedy_json(remedy, reader) for remedy in cause.remedy],
    }


def remedy_json(remedy: Remedy, reader: Reader) -> dict[str, Any]:
    """Return one thing to do."""
    return {
        "text": reader.read(remedy.text),
        "run": list(remedy.run),
        "risk": remedy.risk,
        "undo": list(remedy.undo),
        "undo_text": reader.read(remedy.undo_text) if remedy.undo_text else None,
    }


def _step(answered: Answered, told: Told, reader: Reader) -> dict[str, Any]:
    return {
        "step": answered.step,
        "stage": answered.stage,
        "question": question(answered.step, told, reader),
        "answer": answered.answer,
        "measured": {item.fact: number(item.value) for item in answered.measured},
    }


def _proof(finding: Finding, reader: Reader) -> list[dict[str, Any]]:
    return [_measured(item, reader) for item in finding.proof]


def _measured(item: Measured, reader: Reader) -> dict[str, Any]:
    return {
        "fact": item.fact,
        "value": number(item.value),
        "read_from": [evidence_json(evidence, reader) for evidence in item.evidence],
    }
