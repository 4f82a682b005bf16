"""Takes confirmed changes out of the history and to the people who are to hear of them."""

from __future__ import annotations

import platform

from opskit.app.clock import now
from opskit.app.context import Context
from opskit.history.store import Store
from opskit.notify.deliver import Outcome, deliver
from opskit.notify.registry import channel_class


def tell(context: Context, store: Store) -> list[Outcome]:
    """Deliver what is due by mail, where mail is configured. Raises HistoryError."""
    mail = context.settings.notify.email
    if mail is None:
        return []
    channel = channel_class("email")(mail)
    return deliver(store, channel, now().timestamp(), platform.node(), context.reader)
