"""Incidents and what was told of them as objects. Codes, keys and states are English always; times are ISO 8601."""

from __future__ import annotations

from typing import Any

from opskit.history.incident import Decided, Incident, Silence
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.report.alerts_text import Explained


def incident_json(one: Incident, reader: Reader) -> dict[str, Any]:
    """Return an incident as an object; times are ISO 8601."""
    return {
        "id": one.id,
        "status": _status(one).value,
        "worst": one.worst.value,
        "opened_at": reader.time(one.opened_at).isoformat(),
        "closed_at": _iso(one.closed_at, reader),
        "flapping": one.flaps,
        "told": one.said.count,
        "acknowledged_until": _iso(one.ack.until if one.ack else None, reader),
        "checks": [
            {"check": member.check, "status": member.hard.value, "since": reader.time(member.joined_at).isoformat()}
            for member in one.members
        ],
    }


def _status(one: Incident) -> Status:
    return Status.OK if one.closed_at is not None else one.status


def silence_json(one: Silence, reader: Reader) -> dict[str, Any]:
    """Return a silence as an object."""
    times = {"since": reader.time(one.since).isoformat(), "until": reader.time(one.until).isoformat()}
    return {"id": one.id, "checks": one.pattern, **times, "by": one.by, "note": one.note}


def explained_json(found: Explained, reader: Reader) -> dict[str, Any]:
    """Return the same as an object."""
    return {
        **incident_json(found.incident, reader),
        "flips": [
            {
                "at": reader.time(flip.at).isoformat(),
                "check": flip.check,
                "before": flip.before.value if flip.before else None,
                "after": flip.after.value,
            }
            for flip in found.flips
        ],
        "decisions": [_decision_json(one, reader) for one in found.decisions],
        "notices": [
            {
                "at": reader.time(one.at).isoformat(),
                "kind": one.kind,
                "channel": one.channel,
                "attempts": one.attempts,
                "sent_at": _iso(one.sent_at, reader),
                "given_up_at": _iso(one.dropped_at, reader),
                "next_at": _iso(one.retry_at, reader),
                "reason": one.reason,
                "error": one.error,
            }
            for one in found.notices
        ],
        "now": _decision_json(found.now, reader) if found.now else None,
    }


def _decision_json(one: Decided, reader: Reader) -> dict[str, Any]:
    words = {"action": one.action, "reason": one.reason, "until": _iso(one.until, reader)}
    return {"at": reader.time(one.at).isoformat(), **words}


def _iso(at: float | None, reader: Reader) -> str | None:
    return None if at is None else reader.time(at).isoformat()
