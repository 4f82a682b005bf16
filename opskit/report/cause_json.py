"""A cause as one JSON object. Codes, keys and words of state are English always."""

from __future__ import annotations

from typing import Any

from opskit.model.reader import Reader
from opskit.report.cause_words import ToldCause
from opskit.report.triage_json import remedy_json


def cause_json(told: ToldCause, reader: Reader) -> dict[str, Any]:
    """Return what the page of a cause says."""
    cause = told.cause
    return {
        "code": cause.code,
        "layer": cause.layer,
        "playbooks": list(told.playbooks),
        "summary": reader.read(cause.summary),
        "seen": reader.read(cause.seen) if cause.seen else None,
        "proof": list(cause.proof),
        "facts": {name: reader.read(text) if text else None for name, text in told.facts},
        "named_if": list(told.named),
        "certain_if": cause.certain_if,
        "verify": cause.verify,
        "params": {name: param.default for name, param in told.params},
        "mistaken_for": [reader.read(text) for text in cause.mistaken_for],
        "follows": list(cause.follows),
        "remedy": [remedy_json(remedy, reader) for remedy in cause.remedy],
        "helped": reader.read(cause.helped) if cause.helped else None,
    }
