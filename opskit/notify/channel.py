"""What every channel takes and raises. `deliver` hands it a notice; its members do not know each other."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

import msgspec

from opskit.model.message import Message
from opskit.model.status import Status


class Content(msgspec.Struct, frozen=True):
    """What is told, in the reader's language.

    `check` is the one that is nearest to the fault, empty where a notice is about no single incident. `subject` is one
    line that stays the same during an incident, `text` the whole of it in lines, `facts` the same for programs: what
    JSON can hold. `page` is the same as HTML, empty where there is none; it names its `pictures` (PNG in base64) as
    `cid:NAME`.
    """

    host: str
    check: str
    status: Status
    subject: str
    text: str
    facts: dict[str, Any] = {}
    page: str = ""
    pictures: dict[str, str] = {}


class Notice(msgspec.Struct, frozen=True):
    """One thing to tell. `seed` names it, the same at every attempt, `thread` the incident that it belongs to.

    `kind` is the reason of the decision, `written` is when that was, with a zone; `at` is the time of this attempt, in
    epoch seconds. `only` is the one recipient whom it is for, as `ChannelError.left` named it; empty: it is for all.
    """

    seed: str
    thread: str
    kind: str
    content: Content
    written: datetime
    at: float = 0.0
    only: str = ""


class ChannelError(Exception):
    """A notice did not reach everybody.

    `permanent` means that this notice will be refused again as it is: it is parked with its reason. Whatever can heal
    by itself or by a repair of the channel is not permanent, and is tried again. `reached` is how many recipients
    have it all the same, `left` are those of the others who may get it later.
    """

    def __init__(self, message: Message, permanent: bool, reached: int = 0, left: tuple[str, ...] = ()) -> None:
        super().__init__(str(message))
        self.message = message
        self.permanent = permanent
        self.reached = reached
        self.left = left


class Channel(Protocol):
    """A way to people."""

    def send(self, notice: Notice) -> None:
        """Deliver the notice; return once it was accepted. Raises ChannelError, and nothing else for what may happen.

        A notice may come twice, where nobody knows whether the first attempt arrived: it must look the same then.
        """
