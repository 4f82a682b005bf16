"""Which probes the checks of one run ask, each of them once, and when a check has all of its readings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from opskit.app.observe import Job, job, pieces
from opskit.model.check import SELF_JUDGED, Check
from opskit.model.message import Message, say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.model.status import Status
from opskit.model.verdict import Item
from opskit.probes.registry import PROBES, probe


def jobs_of(check: Check, settings: Settings, timeout: float | None = None) -> list[Job]:
    """Prepare the jobs of a check, that of its own probe first; `timeout` (seconds) replaces the check's.

    Raises DefinitionError for a probe or an argument that does not exist. Two jobs with equal names are the same.
    """
    strangers = [name for name in check.also if name not in PROBES]
    if strangers:
        known = ", ".join(sorted(PROBES))
        texts = [say("there is no probe '{probe}', expected one of {known}", probe=it, known=known) for it in strangers]
        raise DefinitionError([Problem(check.source, check.lines.of("also"), text) for text in texts])
    needy = [name for name in check.also if type(probe(name)).needs]
    if needy:
        texts = [say("also: probe '{probe}' wants arguments, so it stands under probe alone", probe=it) for it in needy]
        raise DefinitionError([Problem(check.source, check.lines.of("also"), text) for text in texts])
    seconds = timeout or check.timeout
    found = list[Job]()
    for name in (check.probe, *check.also):
        given = {} if found else check.args
        item = job(check.id, name, given, seconds, settings, check.source, check.lines)
        found.append(msgspec.structs.replace(item, name=f"{name} {item.args!r}"))
    return found


def sight_of(check: Check, settings: Settings) -> str:
    """Return what the probe of a check looks at; of a check whose probe cannot be asked its own name."""
    try:
        return " ".join(pieces(jobs_of(check, settings)[0]))
    except DefinitionError:
        return check.id


class Asking:
    """The jobs of a run and who waits for them."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._waiting: list[tuple[Check, list[str]]] = []
        self._known: dict[str, Reading] = {}

    @property
    def jobs(self) -> list[Job]:
        """All of them, each once."""
        return list(self._jobs.values())

    def add(self, check: Check, jobs: Sequence[Job]) -> None:
        """A check waits for these jobs; one that is asked already gets the longest time that somebody grants."""
        for item in jobs:
            longest = max(item.timeout, self._jobs[item.name].timeout) if item.name in self._jobs else item.timeout
            self._jobs[item.name] = msgspec.structs.replace(item, timeout=longest)
        self._waiting.append((check, [item.name for item in jobs]))

    def told(self, name: str, reading: Reading) -> Iterator[tuple[Check, Reading]]:
        """Take in a reading, and yield the checks that wait for no other, with all that they asked for."""
        self._known[name] = reading
        ready = [(check, names) for check, names in self._waiting if name in names and {*names} <= {*self._known}]
        for check, names in ready:
            yield check, merged([(part.partition(" ")[0], self._known[part]) for part in names])


def merged(parts: Sequence[tuple[str, Reading]]) -> Reading:
    """Make one reading of several probes'. One that failed costs its own metrics their values, and says why.

    Where all of them failed, the first is the reason.
    """
    failed = [reading.unreadable is not None for _, reading in parts]
    if len(parts) == 1 or all(failed):
        return parts[0][1]
    facts: dict[str, Fact] = {}
    why: dict[str, Message] = {}
    for name, reading in parts:
        facts |= {f"{name}.{fact}": value for fact, value in reading.facts.items()}
        why |= reading.why
        if reading.unreadable is not None:
            why |= dict.fromkeys(type(probe(name)).metrics, reading.unreadable)
    return Reading(
        facts,
        {f"{name}.{fact}": proof for name, reading in parts for fact, proof in reading.evidence.items()},
        why,
        tuple(sample for _, reading in parts for sample in reading.samples),
        tuple(note for _, reading in parts for note in reading.notes),
        late=any(reading.late for _, reading in parts),
        judged=tuple(item for name, reading in parts for item in _judged(name, reading)),
    )


def _judged(name: str, reading: Reading) -> tuple[Item, ...]:
    """What a subject said of itself. One that could not be asked did not say OK: no rule needs to miss it."""
    if reading.unreadable is not None and name in SELF_JUDGED:
        return (Item(Status.UNKNOWN, reading.unreadable),)
    return reading.judged
