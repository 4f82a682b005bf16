"""The explanation of a check as one JSON object."""

from __future__ import annotations

from typing import Any

from opskit.model.reader import Reader
from opskit.report.check_json import number
from opskit.report.explain_text import Alert, Explained


def explain_json(found: Explained, reader: Reader) -> dict[str, Any]:
    """Return the check, what it said last, and the last days with the alerts that its thresholds would have led to."""
    check, latest = found.check, found.latest
    return {
        "check": check.id,
        "summary": reader.read(check.summary),
        "why": reader.read(check.why),
        "probe": check.probe,
        "every_s": check.every,
        "for": {"k": check.sustain.k, "n": check.sustain.n},
        "latest": None
        if latest is None
        else {
            "at": reader.time(latest.at).isoformat(),
            "status": latest.status.value,
            "items": [{"status": item.status.value, "text": reader.read(item.text)} for item in latest.items],
        },
        "days": found.days,
        "runs": found.runs,
        "rules": [
            {
                "metric": values.rule.metric,
                "warn": values.rule.warn,
                "crit": values.rule.crit,
                "unit": values.unit,
                "values": values.known,
                "least": number(values.least),
                "most": number(values.most),
                "outside": values.outside,
            }
            for values in found.values
        ],
        "alerts": [_alert(alert, reader) for alert in found.alerts],
    }


def _alert(alert: Alert, reader: Reader) -> dict[str, Any]:
    return {
        "at": reader.time(alert.at).isoformat(),
        "until": reader.time(alert.until).isoformat() if alert.until is not None else None,
        "status": alert.status.value,
        "series": alert.series or None,
    }
