"""A decision tree as its YAML file says it. Triage compiles and walks it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from opskit.model.problem import Lines
from opskit.model.text import Text

Answer = Literal["yes", "no", "unknown"]
Risk = Literal["read-only", "changes-state", "disruptive"]


class Param(msgspec.Struct, frozen=True):
    """A number of the user's contract that the conditions refer to by name; its unit is the suffix of the name."""

    default: float
    says: Text | None = None


class Use(msgspec.Struct, frozen=True):
    """A probe under the name by which the conditions know it; `timeout` in seconds."""

    probe: str
    timeout: float
    args: dict[str, Any] = {}


class Target(msgspec.Struct, frozen=True):
    """Where a branch leads: to another step, to a cause, or to an end of the walk. Exactly one is set."""

    step: str | None = None
    cause: str | None = None
    end: Literal["healthy", "unknown"] | None = None


class Step(msgspec.Struct, frozen=True):
    """One question. `stage` is its place in the five-step spine; `then` has a target for each of the three answers."""

    id: str
    stage: int
    ask: Text
    when: str
    then: dict[str, Target]
    evidence: tuple[str, ...] = ()


class Remedy(msgspec.Struct, frozen=True):
    """One thing to do: a sentence, and where it is a command its argv, the risk and the way back."""

    text: Text
    run: tuple[str, ...] = ()
    risk: Risk | None = None
    undo: tuple[str, ...] = ()
    undo_text: Text | None = None


class Cause(msgspec.Struct, frozen=True):
    """An ending. `code` is permanent; `certain_if` turns "probable" into "certain"; without it nothing does."""

    code: str
    layer: str
    summary: Text
    remedy: tuple[Remedy, ...]
    verify: str
    certain_if: str | None
    proof: tuple[str, ...]


class Playbook(msgspec.Struct, frozen=True):
    """A whole tree. `budget` is the time in seconds that all probes share; `lines` as in a check."""

    id: str
    title: Text
    budget: float
    start: str
    stages: tuple[Text, ...]
    params: dict[str, Param]
    probes: dict[str, Use]
    steps: dict[str, Step]
    causes: dict[str, Cause]
    source: str = ""
    lines: Lines = Lines()
