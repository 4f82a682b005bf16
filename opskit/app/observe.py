"""Runs probes side by side, each within its own time, live or from a bundle. The boundary where errors become UNKNOWN.

Every probe gets a daemon thread: one that hangs in the kernel is left behind and reported with the stage it hangs at,
and the others' results are not late because of it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from opskit.app.clock import now
from opskit.app.shared import Shared
from opskit.model.message import say
from opskit.model.problem import DefinitionError, Lines, Problem
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.model.typed import prepared
from opskit.probes.base import Deadline, LateError, Probe, ProbeError
from opskit.probes.joint import JointProbe, Part, gathered
from opskit.probes.registry import PROBES, probe

_GRACE_S = 1.0  # a probe that keeps its own deadline reports a moment after it


class Job(msgspec.Struct, frozen=True):
    """A probe with its arguments and its time; `name` is whatever the caller wants the reading back under."""

    name: str
    probe: Probe[Any]
    args: Any
    timeout: float


class Source(Protocol):
    """Where raw evidence comes from."""

    def collect(self, job: Job, deadline: Deadline) -> tuple[Raw, ...]:
        """Return the evidence for a job. Raises ProbeError."""

    def now(self) -> datetime:
        """Return the time at which the evidence was collected, in the zone of its host."""

    def settings(self, own: Settings) -> Settings:
        """Return the settings that the evidence was collected with; `own` are those of this run."""


class Live:
    """The world as it is."""

    def collect(self, job: Job, deadline: Deadline) -> tuple[Raw, ...]:
        """Let the probe look."""
        return job.probe.collect(job.args, deadline)

    def now(self) -> datetime:
        """The present."""
        return now()

    def settings(self, own: Settings) -> Settings:
        """The settings of this run."""
        return own


def job(
    name: str,
    probe_name: str,
    given: Mapping[str, Any],
    timeout: float,
    settings: Settings,
    where: str,
    lines: Lines = Lines(),  # noqa: B008  # a frozen value
) -> Job:
    """Prepare a job: the probe's defaults from the configuration, replaced by what a definition gives.

    Raises DefinitionError, with the file `where` and its `lines` around `with:`, for a probe that does not exist and
    for every argument that it does not take or cannot do without.
    """
    if probe_name not in PROBES:
        known = ", ".join(sorted(PROBES))
        text = say("there is no probe '{probe}', expected one of {known}", probe=probe_name, known=known)
        raise DefinitionError([Problem(where, lines.of("probe"), text)])
    found = probe(probe_name)
    kind = type(found).arguments
    problems = [
        *(_wrong_arguments(given, kind, where, lines) if given else ()),
        *(
            Problem(where, lines.of("with"), say("{where}: missing key '{key}'", where="with", key=key))
            for key in sorted(type(found).needs)
            if not given.get(key)
        ),
    ]
    if problems:
        raise DefinitionError(problems)
    defaults = msgspec.structs.asdict(found.defaults(settings))
    return Job(name, found, msgspec.convert({**defaults, **given}, prepared(kind)), timeout)


def _wrong_arguments(given: Mapping[str, Any], kind: type[msgspec.Struct], where: str, lines: Lines) -> list[Problem]:
    from opskit.definitions.arguments import wrong_arguments  # most checks give none

    return wrong_arguments(given, kind, where, lines)


def observe(jobs: Iterable[Job], source: Source) -> Iterator[tuple[str, Reading]]:
    """Yield each job's reading as it arrives; every job yields exactly once, at the latest when its time is over.

    Each is started as soon as `jobs` hands it over: the first one looks while those after it are still made ready.
    """
    results: queue.SimpleQueue[tuple[str, Reading]] = queue.SimpleQueue()
    # What is not known beforehand may be wanted twice, and then everything is kept until the end.
    shared = Shared(_wanted_twice(jobs) if isinstance(jobs, Sequence) else None)
    waiting = dict[str, Deadline]()
    ends = dict[str, float]()
    for item in jobs:
        waiting[item.name], ends[item.name] = Deadline(item.timeout), time.monotonic() + item.timeout + _GRACE_S
        arguments = (item, source, waiting[item.name], shared, results)
        threading.Thread(target=_work, args=arguments, name=f"probe-{item.name}", daemon=True).start()
    while waiting:
        try:
            name, reading = results.get(timeout=max(0.0, min(ends[name] for name in waiting) - time.monotonic()))
        except queue.Empty:
            name = min(waiting, key=lambda name: ends[name])
            reading = Reading(unreadable=waiting[name].expired().reason, late=True)
        if waiting.pop(name, None) is not None:
            yield name, reading


def _work(
    item: Job, source: Source, deadline: Deadline, shared: Shared, results: queue.SimpleQueue[tuple[str, Reading]]
) -> None:
    results.put((item.name, _reading(item, source, deadline, shared)))


def _reading(item: Job, source: Source, deadline: Deadline, shared: Shared) -> Reading:
    try:
        return item.probe.read(_evidence(item, source, deadline, shared), item.args, source.now())
    except ProbeError as error:
        return Reading(unreadable=error.reason, late=isinstance(error, LateError))
    except Exception as error:  # noqa: BLE001  # the one boundary: a broken probe is UNKNOWN, not the end of the run
        from opskit.logs.redact import redact

        what = redact(f"{type(error).__name__}: {error}")
        return Reading(unreadable=say("internal error in probe {probe}: {what}", probe=item.name, what=what))


def _evidence(item: Job, source: Source, deadline: Deadline, shared: Shared) -> tuple[Raw, ...]:
    """Return the evidence for a job; for a joint probe that of its parts, which others may have collected already."""
    if not isinstance(item.probe, JointProbe):
        return shared.piece(_name(item), lambda until: source.collect(item, until), deadline)

    def look(part: Part) -> tuple[Raw, ...]:
        job = _as_job(item, part)
        return shared.piece(_name(job), lambda until: source.collect(job, until), deadline)

    return gathered(item.probe.parts(item.args), look)


def _as_job(item: Job, part: Part) -> Job:
    return msgspec.structs.replace(item, probe=part.probe, args=part.args)


def _name(item: Job) -> str:
    return f"{type(item.probe).__name__} {item.probe.looks_at(item.args)!r}"


def pieces(item: Job) -> list[str]:
    """Return the names of the evidence that a job wants: jobs that are asked together collect each piece once."""
    if not isinstance(item.probe, JointProbe):
        return [_name(item)]
    return [_name(_as_job(item, part)) for part in item.probe.parts(item.args)]


def _wanted_twice(jobs: Sequence[Job]) -> dict[str, float]:
    """The pieces that are wanted more than once, and for how long at most (seconds)."""
    wanted = [(name, item.timeout) for item in jobs for name in pieces(item)]
    count = Counter(name for name, _ in wanted)
    longest = dict(sorted(wanted, key=lambda one: one[1]))
    return {name: longest[name] for name, times in count.items() if times > 1}
