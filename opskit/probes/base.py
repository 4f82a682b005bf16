"""What a probe is. Members of the family stand one to a file beside this one, and know nothing of each other.

A probe has two halves. `collect` looks at the world, within a deadline, and returns bytes; `read` turns those bytes
into facts and samples, and cannot tell whether they were collected just now or replayed from a bundle.
"""

from __future__ import annotations

import time
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Generic, Literal, TypeVar

import msgspec

from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings

A = TypeVar("A", bound=msgspec.Struct)
Kind = Literal["number", "bool", "text"]
Whole = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]
"""A whole number of evidence: what a machine can count. Larger ones are damage, and no float can hold them."""


class ProbeError(Exception):
    """The probe could not observe. Becomes UNKNOWN at one boundary, never OK; `reason` says what to do about it."""

    def __init__(self, reason: Message) -> None:
        self.reason = reason
        super().__init__(str(reason))


class OwnLimitError(ProbeError):
    """This host does not let opskit look: of the other side nothing is known."""


class LateError(ProbeError):
    """The time ran out before the probe had a result."""


class Deadline:
    """How long a collect may take, and what it is doing: the stage is named when the time runs out."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.stage = say("starting")
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds that remain, never negative."""
        return max(0.0, self._end - time.monotonic())

    def before(self, seconds: float) -> Deadline:
        """A deadline so many seconds earlier than this one, for a question that needs time for what comes after it."""
        return _Earlier(self, max(0.0, self.left - seconds))

    def enter(self, stage: Message) -> float:
        """Say what comes next, and return the seconds left for it.

        Raises ProbeError where none are left.
        """
        self.stage = stage
        if not self.left:
            raise self.expired()
        return self.left

    def expired(self) -> LateError:
        """The error for time that ran out in the present stage."""
        return LateError(say("no result within {seconds} s, stuck at: {stage}", seconds=self.seconds, stage=self.stage))


class _Earlier(Deadline):
    """Its stages are those of the whole: who waits for the whole names them when the time runs out."""

    def __init__(self, whole: Deadline, seconds: float) -> None:
        self._whole = whole
        super().__init__(seconds)

    @property
    def stage(self) -> Message:
        return self._whole.stage

    @stage.setter
    def stage(self, stage: Message) -> None:
        self._whole.stage = stage


class Probe(ABC, Generic[A]):
    """One subject. `facts` declares the fields that `read` fills; all of them may be None."""

    arguments: ClassVar[type[msgspec.Struct]]
    facts: ClassVar[type[msgspec.Struct]]
    metrics: ClassVar[frozenset[str]] = frozenset()
    open_metrics: ClassVar[bool] = False
    """True where the subject has metrics of its own, known only when it is asked."""
    needs: ClassVar[frozenset[str]] = frozenset()
    """Arguments that no configuration implies: a definition gives them, and without one the probe is not asked."""
    then: ClassVar[str] = ""
    """The probe that tells the same of a moment that is over, from logs."""

    @abstractmethod
    def defaults(self, settings: Settings) -> A:
        """Return the arguments that the configuration implies."""

    def key(self, args: A) -> str:
        """Return the name of the evidence in a bundle; probes with several targets tell them apart here."""
        del args
        return type(self).__module__.rpartition(".")[2].replace("_", "-")

    def looks_at(self, args: A) -> object:
        """Return what of the arguments bears upon collecting: jobs for which it is equal share their evidence."""
        return args

    def as_of(self, args: A, moment: float) -> A | None:
        """Return the arguments for a moment that is over (epoch seconds); None where only the present can be seen."""
        del args, moment
        return None

    @abstractmethod
    def collect(self, args: A, deadline: Deadline) -> tuple[Raw, ...]:
        """Look at the world.

        Raises ProbeError where it cannot be looked at. A target that is found broken is evidence, not an error.
        """

    @abstractmethod
    def read(self, raws: Sequence[Raw], args: A, now: datetime) -> Reading:
        """Interpret what was collected; `now` is the time of collecting, in the host's zone.

        Raises ProbeError where the bytes make no sense.
        """


def fact_kinds(probe: Probe[typing.Any]) -> dict[str, Kind]:
    """Return the declared facts with their types, as the conditions of playbooks know them."""
    return {name: _kind(hint) for name, hint in typing.get_type_hints(type(probe).facts).items()}


def _kind(hint: object) -> Kind:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if bool in kinds:
        return "bool"
    return "text" if str in kinds else "number"


def as_facts(facts: msgspec.Struct) -> dict[str, bool | float | int | str | None]:
    """Return a probe's facts as the plain mapping that a Reading carries."""
    return msgspec.structs.asdict(facts)
