"""What judging a check came to: a state with the reasons for it. Goes to history, to notify and to the printers."""

from __future__ import annotations

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message
from opskit.model.sample import Sample
from opskit.model.status import Status


class Item(msgspec.Struct, frozen=True):
    """One judged value: the state it leads to, in words, with the sample and its thresholds.

    `relative` thresholds hold for the deviation from an average, in percent, not for the value itself. `sustained`
    items rest on several values already: they count at once.
    """

    status: Status
    text: Message
    sample: Sample | None = None
    warn: str | None = None
    crit: str | None = None
    relative: bool = False
    sustained: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """The outcome of one check at one time (`at`, seconds since the epoch). `items` are listed worst first.

    `late`: the probe ran out of time, and a site may have its own opinion of what state that is. `held` is, by series,
    what was bad before and has not come back as far as its rule's `clear` wants: until then no confirmed state ends.
    """

    check: str
    status: Status
    items: tuple[Item, ...]
    at: float
    samples: tuple[Sample, ...] = ()
    notes: tuple[Message, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    late: bool = False
    held: dict[str, Status] = {}
