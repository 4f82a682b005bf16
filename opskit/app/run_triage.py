"""Runs a playbook: all probes at once under one budget, and the walk again with every answer until it stands."""

from __future__ import annotations

import time
from datetime import datetime

import msgspec

from opskit.app.context import Context
from opskit.app.observe import Source, job, observe
from opskit.model.diagnosis import Diagnosis
from opskit.model.message import say
from opskit.model.reading import Reading
from opskit.triage.tree import Tree
from opskit.triage.walk import walk

_LINGER_S = 1.0  # how long the other findings may delay a verdict that stands


class Triage(msgspec.Struct, frozen=True):
    """A finished walk: the diagnosis, the tree it walked, when the evidence was taken, and how long it took."""

    diagnosis: Diagnosis
    tree: Tree
    at: datetime
    seconds: float


def run_triage(context: Context, playbook_id: str, source: Source) -> Triage:
    """Walk a playbook on live evidence or on a bundle. Raises DefinitionError."""
    tree = context.tree(playbook_id)
    playbook = tree.playbook
    jobs = [
        job(
            name,
            use.probe,
            use.args,
            min(use.timeout, playbook.budget),
            source.settings(context.settings),
            playbook.source,
            playbook.lines.at("probes", name),
        )
        for name, use in playbook.probes.items()
    ]
    began = time.monotonic()
    readings: dict[str, Reading] = {}
    stands_since: float | None = None
    for name, reading in observe(jobs, source):
        readings[name] = reading
        found = walk(tree, readings)
        if isinstance(found, Diagnosis) and found.outcome == "fault":
            stands_since = stands_since or time.monotonic()
            if time.monotonic() - stands_since > _LINGER_S:
                break
    late = say("no answer within the time for this walk")
    complete = {use: readings.get(use, Reading(unreadable=late)) for use in playbook.probes}
    diagnosis = walk(tree, complete)
    if not isinstance(diagnosis, Diagnosis):  # every probe has a reading, so no step can still wait
        raise TypeError(diagnosis)
    return Triage(diagnosis, tree, source.now(), time.monotonic() - began)
