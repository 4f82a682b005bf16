"""What a diagnosis is narrowed to: one request, one user's newest, a moment that is over."""

from __future__ import annotations

from collections.abc import Sequence
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
from opskit.probes.registry import probe

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

    def given(self, arguments: tuple[str, ...]) -> dict[str, str]:
        """Return those arguments of a probe that the narrowing gives."""
        wanted = {"request_id": self.request_id, "user": "" if self.request_id else self.user}
        return {name: value for name, value in wanted.items() if value and name in arguments}


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


def looking_back(jobs: Sequence[Job], moment: float | None, settings: Settings) -> tuple[list[Job], dict[str, Reading]]:
    """Return the jobs as they look at a moment, and readings for those whose probe sees only the present."""
    if moment is None:
        return list(jobs), {}
    able, blind = list[Job](), dict[str, Reading]()
    for job in jobs:
        looking = job
        if type(job.probe).then:
            other = probe(type(job.probe).then)
            looking = msgspec.structs.replace(job, probe=other, args=other.defaults(settings))
        args: Any = looking.probe.as_of(looking.args, moment)
        if args is None:
            blind[job.name] = Reading(unreadable=say("it shows the present, and the moment asked about is over"))
        else:
            able.append(msgspec.structs.replace(looking, args=args))
    return able, blind
