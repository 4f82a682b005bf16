"""A check's result on its way to a monitoring system, and what takes it there. `app.submit` makes and hands it over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from opskit.model.message import Message
from opskit.model.status import Status


class Submission(msgspec.Struct, frozen=True):
    """One result under the names that the monitoring system knows.

    `text` is the plugin's output without its perfdata, `perfdata` the items of it; `command` is the same result as
    Nagios' external command, in one line without its end. `began` and `ended` are seconds since the epoch; `ttl` says
    for how many seconds the result holds, None where nobody promised another one; `source` is the host that measured.
    """

    check: str
    host: str
    service: str
    status: Status
    text: str
    perfdata: tuple[str, ...]
    command: str
    began: float
    ended: float
    source: str
    ttl: float | None = None


class Receiver(Protocol):
    """A monitoring system."""

    def submit(self, results: Sequence[Submission]) -> list[Message]:
        """Hand over the results; return a sentence for each thing that went wrong, and raise nothing for it.

        What could not be handed over is not kept: it is worth nothing once the next result is there, and the
        monitoring system notices by itself that it hears nothing.
        """
