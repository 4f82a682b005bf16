"""A flip in words: makes the notice that a channel delivers, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from opskit.history.records import StoredFlip
from opskit.model.message import Message, say
from opskit.model.reader import Reader
from opskit.model.status import Status
from opskit.notify.channel import Notice

_MOST_ITEMS = 12
_LATE_S = 300.0


def worded(flip: StoredFlip, now: float, host: str, reader: Reader) -> Notice:
    """Return the notice about `flip` as written at `now`."""
    lines = (reader.read(message) if message else "" for message in _lines(flip, now, host, reader))
    return Notice(
        seed=flip.seed,
        thread=flip.thread,
        host=host,
        check=flip.check,
        status=flip.after,
        subject=reader.read(say("[opskit] {host}: {summary}", host=host, summary=flip.summary)),
        text="\n".join(lines) + "\n",
        written=reader.time(now),
    )


def _lines(flip: StoredFlip, now: float, host: str, reader: Reader) -> Iterator[Message | None]:
    # The state comes first: the subject cannot carry it, since mail programs file a thread by its subject.
    yield _headline(flip)
    yield from _proof(flip)
    yield None
    when = reader.time(flip.at).isoformat(sep=" ", timespec="seconds")
    if flip.before is None:
        yield say("Since: {when}", when=when)
    else:
        yield say("Since: {when}; before that {state}", when=when, state=flip.before.name)
    yield say("Host: {host}", host=host)
    yield say("Check: {check}", check=flip.check)
    if now - flip.at > _LATE_S:
        yield say("This message is {minutes} minutes late.", minutes=round((now - flip.at) / 60))
    yield None
    yield say("See how it is now: opskit check {check}", check=flip.check)
    if flip.after is not Status.OK:
        yield say("Find the cause: opskit triage")


def _headline(flip: StoredFlip) -> Message:
    if flip.after is Status.OK:
        return say("OK again: {summary}", summary=flip.summary)
    if flip.after is Status.WARNING:
        return say("No longer CRITICAL, still WARNING: {summary}", summary=flip.summary)
    return say("{state}: {summary}", state=flip.after.name, summary=flip.summary)


def _proof(flip: StoredFlip) -> Iterator[Message | None]:
    # In bad news what is good is noise; in good news it is the proof.
    items = [item for item in flip.items if flip.after is Status.OK or item.status is not Status.OK]
    if items:
        yield None
    for item in items[:_MOST_ITEMS]:
        yield say("  {state}: {finding}", state=item.status.name, finding=item.text)
    if len(items) > _MOST_ITEMS:
        yield say("  and {count} more", count=len(items) - _MOST_ITEMS)
