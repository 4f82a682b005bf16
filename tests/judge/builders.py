"""Small checks and readings for the tests of judging."""

from __future__ import annotations

from opskit.model.check import Check, Rule
from opskit.model.message import Message
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.text import Text


def make_check(*rules: Rule) -> Check:
    """A check with these rules."""
    return Check("c", Text("All is well"), Text("why"), "host", rules, every=60.0, timeout=5.0)


def make_reading(*samples: Sample, why: dict[str, Message] | None = None) -> Reading:
    """A reading of these samples."""
    return Reading(samples=samples, why=why or {})
