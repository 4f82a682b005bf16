"""Decides what is to be told of the incidents, and sends what waits in the outbox to those who are to hear of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opskit.app.context import Context
from opskit.history.store import Store
from opskit.model.message import Message, say

_ALIVE_S = 120.0

if TYPE_CHECKING:
    from opskit.notify.channel import Channel
    from opskit.notify.deliver import Outcome


def tell(context: Context, store: Store, *, patient: bool = False) -> list[Outcome]:
    """Decide and deliver, where a channel is configured. Raises HistoryError, DefinitionError.

    `patient`: somebody comes by again within moments, so that a group may be waited for.
    """
    if not context.settings.notify.channels and not store.unsettled():
        return []
    # Where nobody is told, as under Nagios, nothing of it is loaded.
    from opskit.app.announce import Announcer
    from opskit.app.clock import epoch, now
    from opskit.notify.deliver import Outcome, deliver

    channels, outcomes = channels_of(context), list[Outcome]()

    def send() -> None:
        outcomes.extend(deliver(store, channels, epoch(), context.reader))

    # After each notice, and not only after all: the diagnosis of many incidents takes its time.
    Announcer(context, store, now(), patient=patient).announce(send)
    send()
    return outcomes


def daemon_lives(store: Store) -> bool:
    """Whether `opskit run` was at work a moment ago: then it tells, and can wait for a group. Raises HistoryError."""
    from opskit.app.clock import epoch

    return 0 <= epoch() - store.heartbeats().get("run", 0.0) < _ALIVE_S


def channels_of(context: Context) -> dict[str, Channel]:
    """Return the configured channels by name."""
    from opskit.notify.registry import channel_class

    return {name: channel_class(name)(settings) for name, settings in context.settings.notify.channels.items()}


def outcome_said(outcome: Outcome) -> Message:
    """Return what became of a delivery, for the log and the terminal."""
    notice = outcome.notice
    return say(
        "{channel}, notice {kind} of incident {id}: {ending} {error}",
        channel=notice.channel,
        kind=notice.kind,
        id=notice.incident or "-",
        ending=outcome.ending.value,
        error=outcome.error,
    )
