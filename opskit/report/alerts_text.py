"""Incidents and what was told of them: the list, and the explanation of each mail and of each that did not come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from tabulate import tabulate

from opskit.history.incident import Decided, Incident, Silence, StoredNotice
from opskit.history.records import StoredFlip
from opskit.model.message import Message, say
from opskit.model.printable import printable
from opskit.model.reader import Reader
from opskit.model.span import span
from opskit.model.status import Status

# The words are those of notify.decide and notify.deliver.
REASONS: Mapping[str, Message] = {
    "problem": say("a new incident"),
    "worse": say("it became worse"),
    "more": say("more checks are bad than was told"),
    "eased": say("the worst is over"),
    "flapping": say("it comes and goes: a summary once an hour instead of every change"),
    "still-flapping": say("it still comes and goes"),
    "steady": say("it no longer comes and goes"),
    "hold-over": say("a silence or an acknowledgement has ended, and it is still so"),
    "reminder": say("a reminder: it is still so"),
    "recovery": say("it is over, and its beginning was told"),
    "retired": say("its check was taken away, and its beginning was told"),
    "not-knowing": say("for a while nobody could tell whether all is well"),
    "not-announced": say("it is over, and nobody had been told of it"),
    "only-warning": say("it is milder than notify.least: that is for the report"),
    "group-wait": say("first it is seen whether more comes of the same fault (notify.group_wait)"),
    "group-interval": say("news of an incident that was just told wait (notify.group_interval)"),
    "unknown-wait": say("not knowing is told only when it lasts (notify.unknown_after)"),
    "silenced": say("a silence or a downtime covers it"),
    "acknowledged": say("somebody has acknowledged it"),
    "quiet-hours": say("these are quiet hours for its state (notify.quiet_hours)"),
    "told-already": say("it was told, and nothing has changed"),
    "rate-limit": say("too many notices in an hour (notify.per_hour): the digest names it"),
    "digest": say("told in the digest"),
    "overtaken": say("older than a day, and not so any more"),
    "refused": say("refused for good"),
    "no-channel": say("this channel is no longer configured"),
    "imported": say("from another history, which tells it itself"),
}
_ACTIONS = {"send": say("told"), "wait": say("waits"), "hold": say("no notice"), "end": say("no notice")}


class Explained(msgspec.Struct, frozen=True):
    """All that is known of an incident, and what would be decided about it now."""

    incident: Incident
    flips: tuple[StoredFlip, ...]
    decisions: tuple[Decided, ...]
    notices: tuple[StoredNotice, ...]
    now: Decided | None = None


def alerts_text(incidents: Sequence[Incident], silences: Sequence[Silence], now: float, reader: Reader) -> str:
    """Return the incidents as a table, newest first, and the silences that are not over."""
    if incidents:
        rows = [_row(one, now, reader) for one in reversed(incidents)]
        titles = [say("ID"), say("STATE"), say("SINCE"), say("LASTS"), say("CHECKS"), say("TOLD")]
        head = [reader.read(title) for title in titles]
        lines = [tabulate(rows, head, tablefmt="plain", disable_numparse=True)]
    else:
        lines = [reader.read(say("no incident in that time"))]
    if silences:
        lines += ["", reader.read(say("Silences"))]
    for one in silences:
        text = say(
            "{id}: {pattern}, from {since} until {until}, by {by}: {note}",
            id=one.id,
            pattern=one.pattern,
            since=reader.stamp(one.since),
            until=reader.stamp(one.until),
            by=one.by,
            note=one.note or "-",
        )
        lines.append(f"  {reader.read(text)}")
    return "\n".join(lines)


def _row(one: Incident, now: float, reader: Reader) -> list[str]:
    checks = " ".join(printable(member.check) for member in one.members)
    lasted = reader.read(span((one.closed_at or now) - one.opened_at))
    since = f"{reader.time(one.opened_at):%Y-%m-%d %H:%M}"
    return [str(one.id), _state(one), since, lasted, checks, str(one.said.count)]


def _state(one: Incident) -> str:
    if one.closed_at is not None:
        return f"OK ({one.worst.name})"
    return one.worst.name if one.flaps else one.status.name


def explained_text(found: Explained, reader: Reader) -> str:
    """Return the incident's story by time: what changed, what was decided and why, what became of each notice."""
    incident = found.incident
    head = say("Incident {id}: {summary}", id=incident.id, summary=incident.members[0].summary)
    lines = [reader.read(head), f"{_state(incident)}  {reader.stamp(incident.opened_at)}"]
    if incident.ack is not None:
        ack = incident.ack
        text = say("acknowledged by {by} until {when}: {note}", by=ack.by, when=reader.stamp(ack.until), note=ack.note)
        lines.append(reader.read(text))
    events = [*_flips(found.flips), *_decisions(found.decisions, reader), *_notices(found.notices, reader)]
    lines.append("")
    for at, _, text in sorted(events, key=lambda event: event[:2]):
        lines.append(f"{reader.stamp(at)}  {reader.read(text)}")
    if found.now is not None:
        lines += ["", reader.read(say("Now: {what}", what=_decided(found.now, reader)))]
    return "\n".join(lines)


def _flips(flips: Sequence[StoredFlip]) -> Iterator[tuple[float, int, Message]]:
    for flip in flips:
        before = flip.before.name if flip.before else "-"
        item = next((one for one in flip.items if one.status is not Status.OK), None)
        change = f"{before} -> {flip.after.name}"
        if item is None or flip.after is Status.OK:
            yield flip.at, 0, say("{check}: {change}", check=flip.check, change=change)
        else:
            yield flip.at, 0, say("{check}: {change}: {text}", check=flip.check, change=change, text=item.text)


def _decisions(decisions: Sequence[Decided], reader: Reader) -> Iterator[tuple[float, int, Message]]:
    for one in decisions:
        yield one.at, 1, _decided(one, reader)


def _decided(one: Decided, reader: Reader) -> Message:
    what, why = _ACTIONS.get(one.action, say("{word}", word=one.action)), REASONS.get(one.reason)
    reason = why or say("{word}", word=one.reason)
    if one.until is None:
        return say("{what}: {why}", what=what, why=reason)
    return say("{what} until {when}: {why}", what=what, when=reader.stamp(one.until), why=reason)


def _notices(notices: Sequence[StoredNotice], reader: Reader) -> Iterator[tuple[float, int, Message]]:
    for one in notices:
        name = f"{one.channel} {one.kind}"
        if one.sent_at is not None:
            text = say("{name}: accepted, attempt {n} {error}", name=name, n=one.attempts, error=one.error or "")
            yield one.sent_at, 2, text
        elif one.dropped_at is not None:
            why = REASONS.get(one.reason or "") or say("{word}", word=one.reason or "?")
            yield one.dropped_at, 2, say("{name}: given up, {why} {error}", name=name, why=why, error=one.error or "")
        elif one.tried_at is None:
            yield one.at, 2, say("{name}: not tried yet", name=name)
        else:
            when = reader.stamp(one.retry_at) if one.retry_at is not None else "-"
            text = say(
                "{name}: waits, {n} attempts, next {when} {error}",
                name=name,
                n=one.attempts,
                when=when,
                error=one.error or "",
            )
            yield one.tried_at, 2, text
