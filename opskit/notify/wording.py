"""An incident in words: makes what a channel delivers, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from opskit.history.incident import Incident, Member
from opskit.judge.dependence import Depends, affected, root
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.model.span import span
from opskit.model.status import Status
from opskit.notify.channel import Content
from opskit.notify.moment import Reason

_MOST_ITEMS = 12


class Diagnosed(msgspec.Struct, frozen=True):
    """What triage found: the lines to print as they are, and the same for programs."""

    lines: tuple[str, ...]
    facts: dict[str, Any]


class Story(msgspec.Struct, frozen=True):
    """All that a notice is made from. `reason` says what is told of the incident at `now`."""

    incident: Incident
    reason: Reason
    now: float
    host: str
    depends: Depends
    diagnosed: Diagnosed | None = None

    @property
    def members(self) -> tuple[Member, ...]:
        """The checks to tell of: those that are bad, or all where nothing is bad (any more)."""
        bad = tuple(member for member in self.incident.members if member.hard is not Status.OK)
        if self.reason is Reason.NOT_KNOWING:
            bad = tuple(member for member in bad if member.hard is Status.UNKNOWN)
        return bad or self.incident.members

    @property
    def nearest(self) -> Member:
        """The check that is nearest to the fault, among the worst."""
        worst = max(member.hard.severity for member in self.members)
        names = [member.check for member in self.members if member.hard.severity == worst]
        name = root(names, self.depends)
        return next(member for member in self.members if member.check == name)


def worded(story: Story, reader: Reader) -> Content:
    """Return the notice about an incident."""
    incident, nearest = story.incident, story.nearest
    # Mail programs file a thread by its subject: it says what began, and never changes.
    subject = say("[opskit] {host}: {summary}", host=story.host, summary=incident.members[0].summary)
    lines = [line if isinstance(line, str) else reader.read(line) for line in _lines(story, nearest, reader)]
    return Content(
        story.host, nearest.check, incident.status, reader.read(subject), "\n".join(lines) + "\n", facts_of(story)
    )


def _lines(story: Story, nearest: Member, reader: Reader) -> Iterator[Message | str]:
    # The state comes first: the subject cannot carry it.
    yield _headline(story, nearest, reader)
    yield from _proof(nearest)
    if nearest.hard is not Status.OK and story.now > nearest.valid_until:
        yield say("  last measured {when}", when=reader.stamp(nearest.at))
    others = [member for member in story.members if member.check != nearest.check]
    yield from _others(nearest, others, story.depends, reader)
    if story.diagnosed is not None:
        yield ""
        yield from story.diagnosed.lines
    yield ""
    yield say("Since: {when}", when=reader.stamp(story.incident.opened_at))
    yield say("Host: {host}", host=story.host)
    yield say("Check: {check}", check=nearest.check)
    yield say("Incident: {id}", id=story.incident.id)
    yield ""
    yield say("See how it is now: opskit check {check}", check=nearest.check)
    if story.reason in (Reason.RECOVERY, Reason.RETIRED):
        return
    if story.diagnosed is None:
        yield say("Find the cause: opskit triage")
    yield say("Hear no more of it for four hours: opskit alerts ack {id} --for 4h", id=story.incident.id)


def _headline(story: Story, nearest: Member, reader: Reader) -> Message:
    incident, summary, state = story.incident, nearest.summary, nearest.hard.name
    since, was = reader.stamp(incident.opened_at), (incident.said.status or incident.worst).name
    if story.reason is Reason.RECOVERY:
        lasted = span((incident.closed_at or story.now) - incident.opened_at)
        return say("OK again after {span}: {summary}", span=lasted, summary=incident.members[0].summary)
    if story.reason is Reason.RETIRED:
        return say("No longer watched, its check was taken away: {summary}", summary=incident.members[0].summary)
    still = say("Still {state}, since {when}: {summary}", state=state, when=since, summary=summary)
    return {
        Reason.EASED: say("No longer {was}, still {state}: {summary}", was=was, state=state, summary=summary),
        Reason.WORSE: say("{state}, no longer only {was}: {summary}", state=state, was=was, summary=summary),
        Reason.MORE: say("{state}, and more checks than before: {summary}", state=state, summary=summary),
        Reason.FLAPPING: say("{state}, comes and goes: {summary}", state=state, summary=summary),
        Reason.STILL_FLAPPING: say(
            "{state}, still comes and goes, since {when}: {summary}", state=state, when=since, summary=summary
        ),
        Reason.STEADY: say("{state}, no longer comes and goes: {summary}", state=state, summary=summary),
        Reason.REMINDER: still,
        Reason.HOLD_OVER: still,
        Reason.NOT_KNOWING: say("{state}, nobody can tell whether this holds: {summary}", state=state, summary=summary),
    }.get(story.reason) or say("{state}: {summary}", state=state, summary=summary)


def _proof(member: Member) -> Iterator[Message | str]:
    # In bad news what is good is noise; in good news it is the proof.
    items = [item for item in member.items if member.newest is Status.OK or item.status is not Status.OK]
    if items:
        yield ""
    for item in items[:_MOST_ITEMS]:
        yield say("  {state}: {finding}", state=item.status.name, finding=item.text)
    if len(items) > _MOST_ITEMS:
        yield say("  and {count} more", count=len(items) - _MOST_ITEMS)


def _others(nearest: Member, others: list[Member], known: Depends, reader: Reader) -> Iterator[Message | str]:
    """Tell what stands on the nearest apart from what does not: only of the first it may be the cause."""
    on_it = affected(nearest.check, [member.check for member in others], known)
    apart = [member for member in others if member.check not in on_it]
    parts = (
        (say("Also affected:"), [member for member in others if member.check in on_it]),
        (say("At the same time:"), apart),
    )
    # Where all is well nothing is affected any more.
    for title, bad in ((say("Well again too:"), others),) if nearest.hard is Status.OK else parts:
        if bad:
            yield ""
            yield title
        for member in bad[:_MOST_ITEMS]:
            when = reader.stamp(member.joined_at)
            yield say(
                "  {state} {check}, since {when}: {summary}",
                state=member.hard.name,
                check=member.check,
                when=when,
                summary=member.summary,
            )
        if len(bad) > _MOST_ITEMS:
            yield say("  and {count} more", count=len(bad) - _MOST_ITEMS)


def facts_of(story: Story) -> dict[str, Any]:
    """Return the notice for programs; times are epoch seconds. `docs/schemas/notice.json` describes it."""
    incident, nearest = story.incident, story.nearest
    names = [member.check for member in story.members]
    return {
        "kind": story.reason.value,
        "host": story.host,
        "status": incident.status.value,
        "at": story.now,
        "incident": {
            "id": incident.id,
            "seed": incident.seed,
            "opened_at": incident.opened_at,
            "closed_at": incident.closed_at,
        },
        "check": nearest.check,
        "affected": affected(nearest.check, names, story.depends),
        "checks": [
            {
                "check": member.check,
                "status": member.hard.value,
                "since": member.since,
                "summary": member.summary,
                "flapping": member.flapping_since is not None,
                "findings": [str(item.text) for item in member.items[:_MOST_ITEMS]],
            }
            for member in story.members
        ],
        "diagnosis": story.diagnosed.facts if story.diagnosed else None,
    }
