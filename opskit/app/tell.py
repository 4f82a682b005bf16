"""Takes confirmed changes out of the history and to the people who are to hear of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opskit.app.context import Context
from opskit.history.store import Store

if TYPE_CHECKING:
    from opskit.notify.deliver import Outcome


def tell(context: Context, store: Store) -> list[Outcome]:
    """Deliver what is due by mail, where mail is configured. Raises HistoryError."""
    mail = context.settings.notify.email
    if mail is None:
        return []
    # Where nobody is told, as under Nagios, nothing of it is loaded.
    import platform

    from opskit.app.clock import epoch
    from opskit.notify.deliver import deliver
    from opskit.notify.registry import channel_class

    channel = channel_class("email")(mail)
    return deliver(store, channel, epoch(), platform.node(), context.reader)
