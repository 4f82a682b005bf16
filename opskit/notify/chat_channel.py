"""The chat channel: DingTalk, Feishu, WeCom, Slack, Telegram and whatever else apprise knows (opskit[chat]).

Their addresses carry keys, so they stand in a file of their own. What a service does not take is tried again, there
alone: apprise does not tell a refusal from a failure.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from opskit.model.message import say
from opskit.model.settings import ChatSettings
from opskit.notify.channel import ChannelError, Notice
from opskit.notify.secret import secret_lines


class ChatChannel:
    """Sends to every address of the file. `environ` is where `$NAME` is looked up."""

    def __init__(self, settings: ChatSettings, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environ = environ

    def send(self, notice: Notice) -> None:
        """Return once every service has taken it. Raises ChannelError."""
        try:
            import apprise
        except ImportError:
            text = say("the chat channel needs apprise: pip install 'opskit[chat]'")
            raise ChannelError(text, permanent=False) from None
        rooms = dict[str, apprise.Apprise]()
        for number, address in enumerate(secret_lines(self._settings.url_file, self._environ), 1):
            room = apprise.Apprise()
            if not room.add(address):
                where = self._settings.url_file
                text = say("apprise does not know the address in line {n} of {file}", n=number, file=where)
                raise ChannelError(text, permanent=False)
            rooms[_name(address)] = room
        if notice.only and notice.only not in rooms:
            raise ChannelError(say("{address} is no recipient any more", address=notice.only), permanent=True)
        asked = [notice.only] if notice.only else list(rooms)
        body, title = notice.content.text, notice.content.subject
        left = tuple(name for name in asked if not rooms[name].notify(body=body, title=title))
        if left:
            reached = len(asked) - len(left)
            text = say("of {n} chat addresses {m} took it", n=len(asked), m=reached)
            raise ChannelError(text, permanent=False, reached=reached, left=left)


def _name(address: str) -> str:
    """Name an address for the history, without the key that is in it: its service, and what tells it from others."""
    return f"{address.partition('://')[0]}-{hashlib.sha256(address.encode()).hexdigest()[:8]}"
