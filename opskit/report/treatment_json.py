"""What was done about a cause, as the part `treatment` of the JSON object of a diagnosis."""

from __future__ import annotations

from typing import Any

from opskit.model.reader import Reader
from opskit.model.treatment import Attempt, Treatment, Verified
from opskit.report.check_json import number


def treatment_json(treatment: Treatment, verify: str, reader: Reader) -> dict[str, Any]:
    """Return every command with its end, and the condition of the cure before and after."""
    return {
        "remedies": [_attempt(attempt, reader) for attempt in treatment.attempts],
        "verify": verify,
        "before": _verified(treatment.before, reader),
        "after": _verified(treatment.after, reader) if treatment.after else None,
        "stopped": treatment.stopped,
    }


def _attempt(attempt: Attempt, reader: Reader) -> dict[str, Any]:
    return {
        "run": list(attempt.run),
        "risk": attempt.risk,
        "undo": list(attempt.undo),
        "fate": attempt.fate,
        "why": reader.read(attempt.why) if attempt.why else None,
        "at": reader.time(attempt.at).isoformat() if attempt.at is not None else None,
        "seconds": round(attempt.seconds, 3),
        "exit_code": attempt.code,
        "output": attempt.output,
        "output_left_out_bytes": attempt.left_out,
        "lingers": attempt.lingers,
    }


def _verified(verified: Verified, reader: Reader) -> dict[str, Any]:
    return {
        "holds": verified.holds,
        "measured": {item.fact: number(item.value) for item in verified.measured},
        "unknown": [{"subject": item.fact, "reason": reader.read(item.why)} for item in verified.measured if item.why],
        "seconds": round(verified.seconds, 3),
    }
