"""A finished walk as the reports take it."""

from __future__ import annotations

import platform

import opskit
from opskit.app.bundle import Bundle
from opskit.app.observe import Source
from opskit.app.run_triage import Triage
from opskit.cli.triage_focus import request_told
from opskit.report.told import Told


def told_of(done: Triage, origin: str, source: Source | None = None) -> Told:
    """Return a finished walk as the reports take it."""
    manifest = source.manifest if isinstance(source, Bundle) else None
    request, became = request_told(done)
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
