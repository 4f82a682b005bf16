"""`opskit snapshot`: what every probe sees at this moment, as a bundle."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

from opskit.app import bundle
from opskit.app.asking import jobs_of
from opskit.app.clock import now
from opskit.app.context import Context
from opskit.app.manifest import Manifest
from opskit.app.observe import Job, Live, job, observe
from opskit.model.message import Message
from opskit.model.problem import DefinitionError
from opskit.model.raw import Raw
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.joint import JointProbe
from opskit.probes.registry import PROBES, probe

_TIMEOUT_S = 20.0
_STANDARD = "chat-stuck"


class _Recorder(Live):
    """Collects live, and keeps the raw evidence or the reason why there is none."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Raw, ...] | Message] = {}

    def collect(self, job: Job, deadline: Deadline) -> tuple[Raw, ...]:
        key = job.probe.key(job.args)
        try:
            self.kept[key] = super().collect(job, deadline)
        except ProbeError as error:
            self.kept[key] = error.reason
            raise
        return self.kept[key]  # type: ignore[return-value]  # just assigned


def snapshot(context: Context, path: Path, *, pseudonyms: bool, timeout: float = _TIMEOUT_S) -> Manifest:
    """Collect everything and write it to `path`. Raises BundleError and DefinitionError."""
    recorder = _Recorder()
    # The evidence of joint probes is that of their parts, and some wait for what only a check can tell them.
    asked = [name for name in PROBES if not type(probe(name)).needs and not isinstance(probe(name), JointProbe)]
    patience = _in_triage(context)
    # As triage looks, so that a replay comes to its verdict: with its patience, and nobody else asking the model.
    first = [_job(context, name, min(timeout, patience[name])) for name in asked if name in patience]
    then = [_job(context, name, timeout) for name in asked if name not in patience]
    for jobs in (first, [*then, *_of_checks(context, timeout)]):
        for name, reading in observe(jobs, recorder):
            # A probe that hangs or breaks never reports through the recorder: its reason is in the reading.
            key = next(item.probe.key(item.args) for item in jobs if item.name == name)
            if reading.unreadable is not None:
                recorder.kept.setdefault(key, reading.unreadable)
    order = dict(sorted(recorder.kept.items()))
    return bundle.write(path, order, now(), context.settings.stack, secrets.token_bytes(32) if pseudonyms else None)


def _job(context: Context, name: str, timeout: float) -> Job:
    return job(name, name, {}, timeout, context.settings, "snapshot")


def _in_triage(context: Context) -> dict[str, float]:
    """The probes of the playbook for a chat that is stuck, with the seconds that each may take there."""
    book = context.tree(_STANDARD).playbook
    return {use.probe: min(use.timeout, book.budget) for use in book.probes.values()}


def _of_checks(context: Context, timeout: float) -> Iterator[Job]:
    """Yield what only a check can say how to ask, each once."""
    seen = set[str]()
    for check in context.checks().values():
        if check.probe not in PROBES or not type(probe(check.probe)).needs:
            continue
        try:
            asked = jobs_of(check, context.settings, timeout)[0]
        except DefinitionError:  # it cannot be asked at all, which the check itself says
            continue
        if asked.name not in seen:
            seen.add(asked.name)
            yield asked
