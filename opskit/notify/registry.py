"""The channels by name. A channel's module is loaded when it is first asked for: most commands never send anything."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from opskit.notify.channel import Channel

CHANNELS = {
    "email": "opskit.notify.email_channel:EmailChannel",
}


def channel_class(name: str) -> Callable[..., Channel]:
    """Return the class of a channel, to be called with its settings. Raises KeyError for a name not in CHANNELS."""
    module, _, attribute = CHANNELS[name].partition(":")
    found: Callable[..., Channel] = getattr(importlib.import_module(module), attribute)
    return found
