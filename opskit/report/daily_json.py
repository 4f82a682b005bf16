"""The day as one object. Keys, codes and states are English always; times are ISO 8601."""

from __future__ import annotations

from typing import Any

from opskit.model.reader import Reader
from opskit.report.day import Curve, Day, DayIncident, Traffic

SCHEMA = "opskit.daily/v1"


def daily_json(day: Day, reader: Reader) -> dict[str, Any]:
    """Return it."""
    return {
        "schema": SCHEMA,
        "day": day.day.isoformat(),
        "host": day.host,
        "since": reader.time(day.since).isoformat(),
        "until": reader.time(day.until).isoformat(),
        "quiet": day.quiet,
        "status": day.status.value,
        "unwell": [{"check": check, "status": status.value} for check, status in day.unwell],
        "runs": {"ran": day.ran, "planned": day.due, "missing": day.missed},
        "checks": [
            {
                "check": check,
                "planned": day.planned.get(check),
                "runs": {status.value: count for status, count in runs.counts.items()},
            }
            for check, runs in sorted((runs.check, runs) for runs in day.runs)
        ],
        "incidents": [_incident(each, reader) for each in day.incidents],
        "traffic": _traffic(day.traffic, reader) if day.traffic else None,
        "series": [_curve(each) for each in day.curves if each.points],
        "certificates": [{"name": each.name, "days_left": each.days_left} for each in day.certificates],
        "notices": {
            "sent": day.notices.sent,
            "waiting": day.notices.waiting,
            "given_up": day.notices.given_up,
            "held": dict(day.notices.held),
        },
        "changed": [{"path": each.path, "at": reader.time(each.at).isoformat()} for each in day.changes],
        "notes": [reader.read(note) for note in day.notes],
    }


def _traffic(traffic: Traffic, reader: Reader) -> dict[str, Any]:
    return {
        "requests": traffic.requests,
        "usual": traffic.usual,
        "statuses": [
            {
                "status": each.status,
                "count": each.count,
                "usual": each.usual,
                "top": [{"who": who, "count": count} for who, count in each.top],
            }
            for each in traffic.counts
        ],
        "remarks": [reader.read(remark) for remark in traffic.remarks],
    }


def _incident(each: DayIncident, reader: Reader) -> dict[str, Any]:
    return {
        "id": each.id,
        "status": each.status.value,
        "summary": each.summary,
        "checks": list(each.checks),
        "opened_at": reader.time(each.opened_at).isoformat(),
        "closed_at": None if each.closed_at is None else reader.time(each.closed_at).isoformat(),
        "cause": each.code,
        "notices": each.notices,
    }


def _curve(curve: Curve) -> dict[str, Any]:
    values = [value for _, value in curve.points]
    return {
        "name": curve.name.en,
        "unit": curve.unit.strip(),
        "mean": curve.mean,
        "low": min(values),
        "high": max(values),
        "values": len(values),
        "mean_before": curve.mean_before,
        "band": None if curve.band is None else list(curve.band),
    }
