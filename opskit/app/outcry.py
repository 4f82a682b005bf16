"""The daemon's voice while the history takes nothing: notices that go past the outbox, straight to every channel."""

from __future__ import annotations

import logging
import platform
import time
import uuid
from collections.abc import Callable, Collection

from opskit.app.clock import epoch, now
from opskit.app.context import Context
from opskit.app.run_checks import Outcome
from opskit.app.tell import channels_of
from opskit.model.message import Message, say
from opskit.notify.channel import Channel, ChannelError, Notice
from opskit.notify.deliver import backoff
from opskit.notify.distress import Distress, Word

log = logging.getLogger("opskit")


class Outcry:
    """What one process knows of a failing history, and what it has not got rid of yet.

    `speak` is for one thread at a time, everything else for any. `clock` is one that nobody sets.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._distress = Distress()
        self._thread = ""
        self._open = dict[str, Notice]()
        self._attempts, self._due = 0, 0.0

    def measured(self, outcome: Outcome) -> None:
        """Take note of a run, and of whether the history took it."""
        self._distress.measured(outcome.verdict)
        self._distress.tried("record", outcome.trouble, self._clock(), epoch())

    def tried(self, trouble: Message | None) -> None:
        """Take note of whether the history could be used to tell."""
        self._distress.tried("tell", trouble, self._clock(), epoch())

    def watch(self, checks: Collection[str]) -> None:
        """Speak of these checks alone."""
        self._distress.watch(checks)

    def speak(self, context: Context) -> None:
        """Say what is to be said. What is not taken is tried again; what is newer takes its place."""
        word = self._distress.word(self._clock(), context.settings.notify.reminder)
        if word is not None:
            notice = self._notice(context, word)
            self._open = dict.fromkeys(context.settings.notify.channels, notice)
            self._attempts, self._due = 0, 0.0
        if self._open and self._clock() >= self._due:
            self._send(context)

    def _notice(self, context: Context, word: Word) -> Notice:
        seed = uuid.uuid4().hex
        self._thread = self._thread or seed
        content = self._distress.content(word, platform.node(), epoch(), context.reader)
        notice = Notice(seed, self._thread, word.value, content, now())
        if word is Word.MEMORY_AGAIN:
            self._thread = ""
        return notice

    def _send(self, context: Context) -> None:
        channels = channels_of(context)
        self._due = self._clock() + backoff(self._attempts)
        self._attempts += 1
        for name, notice in list(self._open.items()):
            channel = channels.get(name)  # it may be gone since
            if channel is None or self._sent(context, name, channel, notice):
                del self._open[name]

    def _sent(self, context: Context, name: str, channel: Channel, notice: Notice) -> bool:
        """Send it; return whether that is the end of it."""
        try:
            channel.send(notice)
        except ChannelError as error:
            text = say("{channel}: not accepted: {why}", channel=name, why=error.message)
            log.warning("%s", context.reader.read(text))
            return error.permanent or bool(error.reached)
        except Exception:
            # The others are to hear of it all the same.
            log.exception("%s: the notice could not be sent", name)
            return False
        return True
