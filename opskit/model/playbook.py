"""A decision tree as its YAML file says it. Triage compiles and walks it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from opskit.model.problem import Lines, Place
from opskit.model.text import Text

Answer = Literal["yes", "no", "unknown"]
Risk = Literal["read-only", "changes-state", "disruptive"]
Symptom = Literal["waiting", "error", "empty", "slow", "untold"]
"""What users see: nothing yet, an error or a broken answer, an answer without words, one that took long."""


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
    """An ending. `code` is permanent; `certain_if` turns "probable" into "certain"; without it nothing does.

    `seen` is what users notice, `mistaken_for` are its look-alikes and how each is told from it, `helped` says
    what else shows that the remedy did. In these words `backticks` stand around names, and other causes are called by
    their codes.

    `symptoms` are those that it may show itself by; a cause without any may show itself by all of them.

    `follows` are the codes of causes that bring this one along: beside one of them it may be no fault of its own.

    `source` is the file it stands in, which may be another one than the playbook's, and `lines` are its own there.
    """

    code: str
    layer: str
    summary: Text
    remedy: tuple[Remedy, ...]
    verify: str
    certain_if: str | None
    proof: tuple[str, ...]
    seen: Text | None = None
    mistaken_for: tuple[Text, ...] = ()
    helped: Text | None = None
    symptoms: tuple[Symptom, ...] = ()
    follows: tuple[str, ...] = ()
    source: str = ""
    lines: Lines = Lines()

    def explains(self, symptom: object) -> bool:
        """Whether users who suffer from this may see that."""
        return not self.symptoms or symptom in self.symptoms


class Playbook(msgspec.Struct, frozen=True):
    """A whole tree. `budget` is the time in seconds that all probes share; `lines` as in a check.

    `causes` are those written in it and, of the included ones, those that a branch leads to. The other included
    ones are `spare`: they speak of probes that this playbook may not have.
    """

    id: str
    title: Text
    budget: float
    start: str
    stages: tuple[Text, ...]
    params: dict[str, Param]
    probes: dict[str, Use]
    steps: dict[str, Step]
    causes: dict[str, Cause]
    spare: dict[str, Cause] = {}
    source: str = ""
    lines: Lines = Lines()

    def where(self, *place: str | int) -> tuple[str, int]:
        """Return the file and the line of a place: what is below a cause stands in the file of that cause."""
        cause = self.cause_at(place)
        if cause is None:
            return self.source, self.lines.of(*place)
        return cause.source, cause.lines.of(*place[2:])

    def sources(self) -> set[str]:
        """Return the files that it was read from."""
        return {self.source, *(cause.source for cause in (*self.causes.values(), *self.spare.values()))}

    def cause_at(self, place: Place) -> Cause | None:
        """Return the cause that a place is in, None where it is in none."""
        match place:
            case ("causes", str(code), *_):
                return self.causes.get(code) or self.spare.get(code)
        return None
