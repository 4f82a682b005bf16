"""What came of the tests of a playbook: what the reports are made from."""

from __future__ import annotations

import msgspec

from opskit.model.message import Message
from opskit.model.playbook import Answer


class CaseResult(msgspec.Struct, frozen=True):
    """One test: where it stands, and what differs from what it expects; nothing where it passed."""

    name: str
    source: str
    line: int
    differs: tuple[Message, ...] = ()


class Covered(msgspec.Struct, frozen=True):
    """What all tests of one playbook reached, and what none did. Answers are `(step, answer)`."""

    playbook: str
    causes: int
    answers: int
    missed_causes: tuple[str, ...] = ()
    missed_answers: tuple[tuple[str, Answer], ...] = ()
