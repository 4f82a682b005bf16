"""What a diagnosis is narrowed to: one request, one user's newest, a moment that is over."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from opskit.app.observe import Job, Source
from opskit.model.message import say
from opskit.model.playbook import Playbook
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.base import Deadline
from opskit.probes.registry import PROBES, probe

REQUEST = "request"
_ENDS_S = 120.0
"""So long after a complaint its request has ended in most timeouts, and is in the logs."""


class Focus(msgspec.Struct, frozen=True):
    """`at` is when it happened (epoch seconds), None for now; `user` is a name or an address in the logs."""

    request_id: str = ""
    user: str = ""
    at: float | None = None

    def moment(self, now: float) -> float | None:
        """Return the moment up to which logs count, None where that is the present."""
        return None if self.at is None or self.at + _ENDS_S >= now else self.at + _ENDS_S

    def narrows(self, playbook: Playbook) -> bool:
        """Whether the playbook asks what became of a request, so that one can be asked about."""
        return any(use.probe == REQUEST for use in playbook.probes.values())

    def given(self, probe_name: str) -> dict[str, str]:
        """Return those arguments of a probe that the narrowing gives."""
        told = {"request_id": self.request_id, "user": "" if self.request_id else self.user}
        wanted = {name: value for name, value in told.items() if value}
        takes = probe(probe_name).arguments.__struct_fields__ if wanted and probe_name in PROBES else ()
        return {name: value for name, value in wanted.items() if name in takes}


class AsOf:
    """A source whose logs end at a moment that is over: a Source for `observe`."""

    def __init__(self, source: Source, moment: float) -> None:
        self._source = source
        self._moment = moment

    def collect(self, job: Job, deadline: Deadline) -> tuple[Raw, ...]:
        """Let the probe look back; its arguments say how far."""
        return self._source.collect(job, deadline)

    def now(self) -> datetime:
        """That moment, in the zone of the host."""
        return datetime.fromtimestamp(self._moment, self._source.now().tzinfo or UTC)

    def settings(self, own: Settings) -> Settings:
        """Those of the source."""
        return self._source.settings(own)


def looking_back(job: Job, moment: float | None, settings: Settings) -> Job | Reading:
    """Return the job as it looks at a moment, or what is said in its place where its probe sees only the present."""
    if moment is None:
        return job
    if type(job.probe).then:
        other = probe(type(job.probe).then)
        job = msgspec.structs.replace(job, probe=other, args=other.defaults(settings))
    args: Any = job.probe.as_of(job.args, moment)
    if args is None:
        return Reading(unreadable=say("it shows the present, and the moment asked about is over"))
    return msgspec.structs.replace(job, args=args)
