"""What every channel takes and raises. `deliver` hands it a notice; its members do not know each other."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from opskit.model.message import Message
from opskit.model.status import Status


class Notice(msgspec.Struct, frozen=True):
    """One thing to tell, in the reader's language.

    `seed` names the notice (the same at every attempt), `thread` the incident that it belongs to. `subject` is one
    line that stays the same during an incident, `text` the whole of it in lines. `written` has a zone.
    """

    seed: str
    thread: str
    host: str
    check: str
    status: Status
    subject: str
    text: str
    written: datetime


class ChannelError(Exception):
    """A notice did not reach everybody.

    `permanent` means that this notice will be refused again as it is: it is parked with its reason. Whatever can heal
    by itself or by a repair of the channel is not permanent, and is tried again. `reached` is how many recipients
    have it all the same.
    """

    def __init__(self, message: Message, permanent: bool, reached: int = 0) -> None:
        super().__init__(str(message))
        self.message = message
        self.permanent = permanent
        self.reached = reached


class Channel(Protocol):
    """A way to people."""

    def send(self, notice: Notice) -> None:
        """Deliver the notice; return once it was accepted. Raises ChannelError, and nothing else for what may happen.

        A notice may come twice, where nobody knows whether the first attempt arrived: it must look the same then.
        """
