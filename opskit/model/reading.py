"""What a probe's `read` made of raw evidence: typed facts, where each was seen, why some are missing, and samples."""

from __future__ import annotations

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message
from opskit.model.sample import Sample
from opskit.model.verdict import Item

Fact = bool | float | int | str | None


class Reading(msgspec.Struct, frozen=True):
    """Facts by name (None = could not tell), evidence and reasons by fact name, samples for rules and charts.

    `notes` are lines worth showing in any case (a top-N, a version); `unreadable` is set where the whole probe failed:
    then every fact is None for that one reason, and `late` tells whether the time ran out. `judged` is what the subject
    said of its own state, with thresholds of its own: it counts like what a rule yields.
    """

    facts: dict[str, Fact] = {}
    evidence: dict[str, tuple[Evidence, ...]] = {}
    why: dict[str, Message] = {}
    samples: tuple[Sample, ...] = ()
    notes: tuple[Message, ...] = ()
    unreadable: Message | None = None
    late: bool = False
    judged: tuple[Item, ...] = ()

    def reason(self, fact: str) -> Message | None:
        """Return why `fact` is None, as far as it is known."""
        return self.unreadable or self.why.get(fact)
