"""From the outbox to the channel: takes what is unsent, decides, sends, and writes down what became of it.

At least once: a flip is closed only after the channel has accepted it, so a crash in between sends it again, with the
same Message-ID. Nothing is left out silently: what is not sent is closed with its reason, what fails keeps its error.
"""

from __future__ import annotations

import enum

import msgspec

from opskit.history.records import StoredFlip
from opskit.history.store import Store
from opskit.model.message import say
from opskit.model.reader import Reader
from opskit.notify.channel import Channel, ChannelError
from opskit.notify.decide import decide
from opskit.notify.wording import worded

# Longer than a round against a server that lets every conversation time out (twenty times twenty seconds), because
# all claims of a round bear the time of its start. What a crashed worker had taken waits so long.
LEASE_S = 600.0
_FIRST_WAIT_S = 60.0
_LONGEST_WAIT_S = 3600.0


class Ending(enum.Enum):
    """What became of a flip in this round."""

    SENT = "sent"
    NOT_SENT = "not-sent"
    RETRY = "retry"
    PARKED = "parked"


class Outcome(msgspec.Struct, frozen=True):
    """One flip of this round. `reason` is the decision's word; `error` what the channel complained about."""

    flip: StoredFlip
    ending: Ending
    reason: str
    error: str = ""
    retry_at: float | None = None


def deliver(store: Store, channel: Channel, now: float, host: str, reader: Reader, limit: int = 20) -> list[Outcome]:
    """Deal with up to `limit` due flips; return what became of each that this worker got hold of.

    A flip that fails does not hold up those of other checks; those of its own check wait for it, to stay in order.
    Raises HistoryError where the outbox cannot be read or written.
    """
    outcomes: list[Outcome] = []
    seen: set[int] = set()
    # A flip that is closed lets the next one of its check come forward, hence the second look.
    while fresh := [flip for flip in store.unsent(now) if flip.id not in seen][: limit - len(outcomes)]:
        for flip in fresh:
            seen.add(flip.id)
            if store.claim(flip.id, now, LEASE_S):
                outcomes.append(_dealt_with(store, channel, flip, now, host, reader))
    return outcomes


def backoff(attempts: int) -> float:
    """Return how many seconds to wait after so many attempts have failed before this one."""
    return min(_FIRST_WAIT_S * (1 << min(attempts, 10)), _LONGEST_WAIT_S)


def _dealt_with(store: Store, channel: Channel, flip: StoredFlip, now: float, host: str, reader: Reader) -> Outcome:
    decision = decide(flip, now)
    reason = decision.reason.value
    if not decision.send:
        store.mark_dropped(flip.id, now, reason)
        return Outcome(flip, Ending.NOT_SENT, reason)
    try:
        channel.send(worded(flip, now, host, reader))
    except ChannelError as error:
        return _failed(store, flip, now, reason, error, reader)
    except (LookupError, ValueError) as error:
        # A broken sentence (a translation that names a field wrongly) is ours to repair, and costs only itself.
        unsayable = ChannelError(say("This flip cannot be put into words: {error}", error=repr(error)), False)
        return _failed(store, flip, now, reason, unsayable, reader)
    store.mark_sent(flip.id, now)
    return Outcome(flip, Ending.SENT, reason)


def _failed(store: Store, flip: StoredFlip, now: float, reason: str, error: ChannelError, reader: Reader) -> Outcome:
    complaint = reader.read(error.message)
    # Somebody has it. Sending again would reach them again and again for the sake of those who were refused.
    if error.reached:
        store.mark_sent(flip.id, now, complaint)
        return Outcome(flip, Ending.SENT, reason, complaint)
    if error.permanent:
        store.mark_dropped(flip.id, now, "refused", complaint)
        return Outcome(flip, Ending.PARKED, reason, complaint)
    retry_at = now + backoff(flip.attempts)
    store.release(flip.id, now, complaint, retry_at)
    return Outcome(flip, Ending.RETRY, reason, complaint, retry_at)
