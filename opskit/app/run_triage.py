"""Runs a playbook: all probes at once under one budget, and the walk again with every answer until it stands."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from datetime import datetime

import msgspec

from opskit.app.context import Context
from opskit.app.focus import REQUEST, AsOf, Focus, looking_back
from opskit.app.observe import Job, Source, job, observe
from opskit.model.diagnosis import Diagnosis
from opskit.model.message import say
from opskit.model.playbook import Playbook, Symptom
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.base import Deadline
from opskit.probes.person import Args as PersonArgs
from opskit.probes.person import PersonProbe
from opskit.triage.tree import Tree
from opskit.triage.walk import walk

PERSON = "person"
_LINGER_S = 1.0  # how long the other findings may delay a verdict that stands


class Known(msgspec.Struct, frozen=True):
    """What is settled before anything is measured: what a person says, and probes that are not to look."""

    symptom: Symptom = "untold"
    without: frozenset[str] = frozenset()
    focus: Focus = Focus()

    def readings(self, playbook: Playbook, at: datetime) -> dict[str, Reading]:
        """Return the readings that need no look, by the names of the playbook's probes."""
        off = Reading(unreadable=say("switched off on the command line"))
        found = {name: off for name, use in playbook.probes.items() if use.probe in self.without}
        for name, use in playbook.probes.items():
            if use.probe == PERSON:
                probe, args = PersonProbe(), PersonArgs(self.symptom)
                found[name] = probe.read(probe.collect(args, Deadline(1.0)), args, at)
        return found


class Triage(msgspec.Struct, frozen=True):
    """A finished walk: the diagnosis, the tree it walked, when the evidence was taken, and how long it took.

    `readings` by the probe's name in the playbook; `took` is after how many seconds each was there.
    """

    diagnosis: Diagnosis
    tree: Tree
    at: datetime
    seconds: float
    readings: dict[str, Reading] = {}
    took: dict[str, float] = {}
    past: bool = False

    @property
    def request(self) -> Reading | None:
        """What became of the request that was asked about; None where none was."""
        uses = self.tree.playbook.probes
        found = next((self.readings[name] for name, use in uses.items() if use.probe == REQUEST), None)
        return None if found is None or found.facts.get("asked") is False else found


def run_triage(context: Context, playbook_id: str, source: Source, known: Known = Known()) -> Triage:  # noqa: B008  # a frozen value
    """Walk a playbook on live evidence or on a bundle, as of now or of a moment that is over.

    Raises DefinitionError.
    """
    playbook = context.playbook(playbook_id)
    moment = known.focus.moment(source.now().timestamp())
    source = source if moment is None else AsOf(source, moment)
    readings = known.readings(playbook, source.now())
    took: dict[str, float] = {}
    began = time.monotonic()
    tree, stands_since = None, None
    # The conditions are made ready while the probes look: both take longer than an operator likes to wait.
    for name, reading in observe(
        _looks(playbook, readings, source.settings(context.settings), known.focus, moment), source
    ):
        tree = tree or context.grown(playbook)
        readings[name], took[name] = reading, time.monotonic() - began
        found = walk(tree, readings)
        if isinstance(found, Diagnosis) and found.outcome == "fault":
            stands_since = stands_since or time.monotonic()
            if time.monotonic() - stands_since > _LINGER_S:
                break
    tree = tree or context.grown(playbook)
    late = say("no answer within the time for this walk")
    complete = {use: readings.get(use, Reading(unreadable=late)) for use in playbook.probes}
    seconds = time.monotonic() - began
    return Triage(_finished(tree, complete), tree, source.now(), seconds, complete, took, past=moment is not None)


def _looks(
    playbook: Playbook, readings: dict[str, Reading], settings: Settings, focus: Focus, moment: float | None
) -> Iterator[Job]:
    """Yield the jobs for what is not known yet; of those that cannot look back the reading says why."""
    for item in jobs_of(playbook, [name for name in playbook.probes if name not in readings], settings, focus):
        look = looking_back(item, moment, settings)
        if isinstance(look, Job):
            yield look
        else:
            readings[item.name] = look


def again(done: Triage, known: Known) -> Triage:
    """Walk once more over the same evidence, with what a person has said meanwhile."""
    readings = done.readings | known.readings(done.tree.playbook, done.at)
    return msgspec.structs.replace(done, diagnosis=_finished(done.tree, readings), readings=readings)


def _finished(tree: Tree, readings: dict[str, Reading]) -> Diagnosis:
    diagnosis = walk(tree, readings)
    if not isinstance(diagnosis, Diagnosis):  # every probe has a reading, so no step can still wait
        raise TypeError(diagnosis)
    return diagnosis


def jobs_of(playbook: Playbook, names: Collection[str], settings: Settings, focus: Focus = Focus()) -> Iterator[Job]:  # noqa: B008  # a frozen value
    """Yield the jobs for some of a playbook's probes, each within the budget. Raises DefinitionError."""
    for name, use in playbook.probes.items():
        if name in names:
            args = {**use.args, **focus.given(use.probe)}
            seconds = min(use.timeout, playbook.budget)
            yield job(name, use.probe, args, seconds, settings, playbook.source, playbook.lines.at("probes", name))
