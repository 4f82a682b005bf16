"""From the outbox to the channels: takes what is open, sends it, and writes down what became of it.

At least once: a delivery is closed only after the channel has accepted it, so a crash in between sends it again, with
the same Message-ID. Nothing is left out silently: what is given up is closed with its reason, what fails keeps its
error.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

import msgspec

from opskit.history.codec import unpacked
from opskit.history.incident import StoredNotice
from opskit.history.store import Store
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.notify.channel import Channel, ChannelError, Content, Notice

# Longer than a round against a server that lets every conversation time out (twenty times twenty seconds), because
# all claims of a round bear the time of its start. What a crashed worker had taken waits so long.
LEASE_S = 600.0
# What is older and not so any more is for the report: a channel that comes back must not pour out a week.
NEWS_FOR_S = 24 * 3600.0
OVERTAKEN, REFUSED, NO_CHANNEL = "overtaken", "refused", "no-channel"
_FIRST_WAIT_S = 60.0
_LONGEST_WAIT_S = 3600.0
_LATE_S = 300.0


class Ending(enum.Enum):
    """What became of a delivery in this round."""

    SENT = "sent"
    NOT_SENT = "not-sent"
    RETRY = "retry"
    PARKED = "parked"


class Outcome(msgspec.Struct, frozen=True):
    """One delivery of this round; `error` is what the channel complained about."""

    notice: StoredNotice
    ending: Ending
    error: str = ""
    retry_at: float | None = None


def deliver(
    store: Store, channels: Mapping[str, Channel], now: float, reader: Reader, limit: int = 20
) -> list[Outcome]:
    """Deal with up to `limit` due deliveries; return what became of each that this worker got hold of.

    One that fails does not hold up those of other incidents; those of its own wait for it, to stay in order.
    Raises HistoryError where the outbox cannot be read or written.
    """
    outcomes: list[Outcome] = []
    seen: set[tuple[int, str]] = set()
    # One that is closed lets the next of its incident come forward, hence the second look.
    while fresh := [one for one in store.due(now) if (one.id, one.channel) not in seen][: limit - len(outcomes)]:
        for notice in fresh:
            seen.add((notice.id, notice.channel))
            if store.claim(notice, now, LEASE_S):
                outcomes.append(_dealt_with(store, channels, notice, now, reader))
    return outcomes


def backoff(attempts: int) -> float:
    """Return how many seconds to wait after so many attempts have failed before this one."""
    return min(_FIRST_WAIT_S * (1 << min(attempts, 10)), _LONGEST_WAIT_S)


def _dealt_with(
    store: Store, channels: Mapping[str, Channel], notice: StoredNotice, now: float, reader: Reader
) -> Outcome:
    name, _, only = notice.channel.partition(" ")
    # Old and not true any more. Old and still true is news, however late: nobody has heard of it. Who was left out
    # hears what came next together with the others, and nothing behind it.
    if notice.superseded and (only or now - notice.at > NEWS_FOR_S):
        store.mark_dropped(notice, now, OVERTAKEN)
        return Outcome(notice, Ending.NOT_SENT)
    channel = channels.get(name)
    if channel is None:
        store.mark_dropped(notice, now, NO_CHANNEL)
        return Outcome(notice, Ending.NOT_SENT)
    try:
        channel.send(msgspec.structs.replace(as_sent(notice, now, reader), only=only))
    except ChannelError as error:
        return _failed(store, notice, now, error, reader)
    except (LookupError, ValueError, msgspec.ValidationError) as error:
        # Content that cannot be read, by an older version's hand: it costs only itself.
        unsayable = ChannelError(say("this notice cannot be put into words: {error}", error=repr(error)), False)
        return _failed(store, notice, now, unsayable, reader)
    store.mark_sent(notice, now)
    return Outcome(notice, Ending.SENT)


def as_sent(notice: StoredNotice, now: float, reader: Reader) -> Notice:
    """Return what the channel gets: the same at every attempt, except that a late one says so."""
    content = unpacked(notice.content, Content)
    if now - notice.at > _LATE_S:
        late = reader.read(say("This message is {minutes} minutes late.", minutes=round((now - notice.at) / 60)))
        content = msgspec.structs.replace(content, text=f"{content.text}\n{late}\n")
    return Notice(notice.seed, notice.thread, notice.kind, content, reader.time(notice.at), now)


def _failed(store: Store, notice: StoredNotice, now: float, error: ChannelError, reader: Reader) -> Outcome:
    complaint = reader.read(error.message)
    # Somebody has it, and must not get it again for the sake of the others: each of those is tried alone.
    if error.reached:
        store.mark_sent(notice, now, complaint, error.left, now + backoff(0))
        return Outcome(notice, Ending.SENT, complaint)
    if error.permanent:
        store.mark_dropped(notice, now, REFUSED, complaint)
        return Outcome(notice, Ending.PARKED, complaint)
    retry_at = now + backoff(notice.attempts)
    store.release(notice, now, complaint, retry_at)
    return Outcome(notice, Ending.RETRY, complaint, retry_at)
