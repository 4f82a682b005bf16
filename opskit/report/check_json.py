"""Outcomes of checks as one JSON object. Keys and state words are English, sentences in the reader's language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from opskit.model.evidence import Evidence
from opskit.model.reader import Reader
from opskit.model.state import State
from opskit.model.status import worst
from opskit.model.verdict import Item
from opskit.report.check_text import Shown

T = TypeVar("T")


def check_json(outcomes: Sequence[Shown], reader: Reader) -> dict[str, Any]:
    """Return `{"status", "exit_code", "checks": [...]}`."""
    status = worst(verdict.status for _, verdict, _ in outcomes)
    return {
        "status": status.value,
        "exit_code": status.exit_code,
        "checks": [_check(shown, reader) for shown in sorted(outcomes, key=lambda shown: shown[0].id)],
    }


def _check(shown: Shown, reader: Reader) -> dict[str, Any]:
    check, verdict, state = shown
    return {
        "check": check.id,
        "summary": reader.read(check.summary),
        "status": verdict.status.value,
        "at": reader.time(verdict.at).isoformat(),
        "state": state_json(state, reader) if state else None,
        "items": [_item(item, reader) for item in verdict.items],
        "playbook": check.playbook,
        "notes": [reader.read(note) for note in verdict.notes],
        "samples": [
            {"metric": s.metric, "value": number(s.value), "unit": s.unit, "labels": s.labels} for s in verdict.samples
        ],
        "evidence": [evidence_json(evidence, reader) for evidence in verdict.evidence],
    }


def number(value: T) -> T | None:
    """Return a value as JSON can hold it: NaN and the infinities have no place there, and mean "not known" here."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def state_json(state: State, reader: Reader) -> dict[str, Any]:
    """Return the settled state with its times in ISO 8601."""
    return {
        "hard": state.hard.value,
        "seen": state.seen.value,
        "soft": state.soft,
        "since": reader.time(state.since).isoformat(),
        "at": reader.time(state.at).isoformat(),
        "valid_until": reader.time(state.valid_until).isoformat(),
    }


def evidence_json(evidence: Evidence, reader: Reader) -> dict[str, Any]:
    """Return where something was read; absent parts are left out."""
    parts: dict[str, Any] = {
        "source": evidence.source,
        "line": evidence.line,
        "field": evidence.field,
        "text": evidence.text or None,
        "at": reader.time(evidence.at).isoformat() if evidence.at is not None else None,
    }
    return {name: value for name, value in parts.items() if value is not None}


def _item(item: Item, reader: Reader) -> dict[str, Any]:
    sample = item.sample
    return {
        "status": item.status.value,
        "text": reader.read(item.text),
        "metric": sample.metric if sample else None,
        "value": number(sample.value) if sample else None,
        "unit": sample.unit if sample else None,
        "labels": sample.labels if sample else {},
        "warn": item.warn,
        "crit": item.crit,
    }
