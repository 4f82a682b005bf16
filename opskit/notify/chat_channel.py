"""The chat channel: DingTalk, Feishu, WeCom, Slack, Telegram and whatever else apprise knows (opskit[chat]).

Their addresses carry keys, so they stand in a file of their own. What a service does not take is tried again: apprise
does not tell a refusal from a failure.
"""

from __future__ import annotations

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
        known = apprise.Apprise()
        for number, address in enumerate(secret_lines(self._settings.url_file, self._environ), 1):
            if not known.add(address):
                where = self._settings.url_file
                text = say("apprise does not know the address in line {n} of {file}", n=number, file=where)
                raise ChannelError(text, permanent=False)
        reached = [server.notify(body=notice.content.text, title=notice.content.subject) for server in known]
        if not all(reached):
            text = say("of {n} chat addresses {m} took it", n=len(reached), m=sum(map(bool, reached)))
            raise ChannelError(text, permanent=False, reached=sum(map(bool, reached)))
