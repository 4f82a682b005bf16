"""A finished walk as the reports take it."""

from __future__ import annotations

import platform

import opskit
from opskit.app.bundle import Bundle
from opskit.app.focus import REQUEST
from opskit.app.observe import Source
from opskit.app.run_triage import Triage
from opskit.model.diagnosis import Measured
from opskit.model.message import Message
from opskit.report.told import Told

_SHOWN = ("status", "duration_s", "waiting_s", "age_s", "others_failed")


def told_of(done: Triage, origin: str, source: Source | None = None) -> Told:
    """Return a finished walk as the reports take it."""
    manifest = source.manifest if isinstance(source, Bundle) else None
    request, became = _request_told(done)
    return Told(
        done.diagnosis,
        done.tree.playbook,
        done.at.timestamp(),
        done.seconds,
        origin,
        host=manifest.host if manifest else platform.node(),
        versions={"opskit": opskit.__version__, "Python": platform.python_version()},
        recorded_with=manifest.versions if manifest else {},
        took={} if origin else done.took,
        notes=tuple(
            note for reading in done.readings.values() if reading is not done.request for note in reading.notes
        ),
        past=done.past,
        request=request,
        became=became,
    )


def _request_told(done: Triage) -> tuple[tuple[Measured, ...], tuple[Message, ...]]:
    """Return what is known of the request that was asked about, with its lines, and the same in words."""
    asked = done.request
    if asked is None:
        return (), ()
    if asked.unreadable is not None:
        return (), (asked.unreadable,)
    known = [(name, value) for name, value in asked.facts.items() if name in _SHOWN and value]
    measured = (Measured(f"{REQUEST}.{name}", value, asked.evidence.get(name, ())) for name, value in known)
    return tuple(measured), asked.notes
