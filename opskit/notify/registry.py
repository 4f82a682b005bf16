"""Channels to people and receivers of results, by name. A member's module is loaded when it is first asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from opskit.notify.channel import Channel
from opskit.notify.submission import Receiver

CHANNELS = {
    "chat": "opskit.notify.chat_channel:ChatChannel",
    "email": "opskit.notify.email_channel:EmailChannel",
    "webhook": "opskit.notify.webhook_channel:WebhookChannel",
}
RECEIVERS = {
    "icinga": "opskit.notify.icinga_api:IcingaApi",
    "nagios": "opskit.notify.nagios_pipe:NagiosPipe",
}


def channel_class(name: str) -> Callable[..., Channel]:
    """Return the class of a channel, to be called with its settings. Raises KeyError for a name not in CHANNELS."""
    module, _, attribute = CHANNELS[name].partition(":")
    found: Callable[..., Channel] = getattr(importlib.import_module(module), attribute)
    return found


def receiver_class(name: str) -> Callable[..., Receiver]:
    """Return the class of a receiver, to be called with its settings. Raises KeyError for a name not in RECEIVERS."""
    module, _, attribute = RECEIVERS[name].partition(":")
    found: Callable[..., Receiver] = getattr(importlib.import_module(module), attribute)
    return found
