"""The end of a triage walk: the verdict, how it was reached, what else is wrong, what could not be told."""

from __future__ import annotations

from typing import Literal

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message
from opskit.model.playbook import Answer, Cause
from opskit.model.reading import Fact

Outcome = Literal["fault", "healthy", "unknown"]
Certainty = Literal["certain", "probable"]


class Measured(msgspec.Struct, frozen=True):
    """A fact as it stood: its full name (`gpu.hottest_c`), value and where it was read."""

    fact: str
    value: Fact
    evidence: tuple[Evidence, ...] = ()
    why: Message | None = None


class Answered(msgspec.Struct, frozen=True):
    """One step of the walk with its answer and what the answer rests on. `question` is rendered per language later."""

    step: str
    stage: int
    answer: Answer
    measured: tuple[Measured, ...]


class Finding(msgspec.Struct, frozen=True):
    """A cause that some step points to, with its proof; `follows` is the named cause where that may bring it along."""

    cause: Cause
    certainty: Certainty
    proof: tuple[Measured, ...]
    follows: str = ""


class Unread(msgspec.Struct, frozen=True):
    """A source or fact that could not be told, and why."""

    subject: str
    reason: Message


class Diagnosis(msgspec.Struct, frozen=True):
    """The answer to "the chat is stuck". `finding` is set exactly where `outcome` is "fault"."""

    playbook: str
    outcome: Outcome
    finding: Finding | None
    walked: tuple[Answered, ...]
    others: tuple[Answered, ...]
    also_seen: tuple[Finding, ...]
    unread: tuple[Unread, ...]
    params: dict[str, float] = {}
