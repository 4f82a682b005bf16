"""The last kept diagnosis as one line below the states of the checks, while it is young enough to be of use."""

from __future__ import annotations

from typing import Any

from opskit.history.records import KeptTriage
from opskit.model.ago import ago
from opskit.model.message import Message, say
from opskit.model.reader import Reader

_DAY_S = 86_400


def recent(kept: KeptTriage | None, now: float) -> KeptTriage | None:
    """Return it where it is younger than a day; of what a clock that was set back calls the future nobody can tell."""
    return kept if kept is not None and 0 <= now - kept.at < _DAY_S else None


def last_triage_text(kept: KeptTriage, now: float, reader: Reader) -> str:
    """`Last triage 2026-11-28 06:40:01+00:00, 12 min ago: FAULT OPS401, probable`."""
    return reader.read(
        say(
            "Last triage {when}, {age}: {verdict} (opskit triage --last)",
            when=reader.stamp(kept.at),
            age=ago(now - kept.at),
            verdict=_verdict(kept),
        )
    )


def last_triage_json(kept: KeptTriage, reader: Reader) -> dict[str, Any]:
    """Return the same as part of the JSON object of `opskit status`."""
    return {
        "at": reader.time(kept.at).isoformat(),
        "playbook": kept.playbook,
        "verdict": kept.outcome,
        "code": kept.code,
        "certainty": kept.certainty,
        "also_seen": list(kept.also_seen),
        "exit_code": kept.exit_code,
    }


_STATES = {"healthy": "HEALTHY", "fault": "FAULT", "unknown": "UNKNOWN"}
_FAULTY = 2


def _verdict(kept: KeptTriage) -> Message:
    state = _STATES.get(kept.outcome, "UNKNOWN")
    if kept.code is None:
        return say("{state}", state=state)
    certainty = say("certain") if kept.certainty == "certain" else say("probable")
    found = say("{state} {code}, {certainty}", state=state, code=kept.code, certainty=certainty)
    if kept.exit_code == 0:
        return say("{found}; what was done about it helped", found=found)
    if kept.exit_code != _FAULTY:
        return say("{found}; whether what was done about it helped is not known", found=found)
    return found
