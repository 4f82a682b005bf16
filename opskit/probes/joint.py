"""Probes that see by putting together what others collected: whose memory it is, whether the model is on the card.

A joint probe has no evidence of its own. In a run the evidence of its parts is collected once for all who want it, and
in a bundle it stands under the names of the parts. What a part could not collect is told with its reason, because that
reason is often the answer. Members know the probes that they join; those know nothing of them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.typed import prepared
from opskit.probes.base import Deadline, LateError, Probe, ProbeError

A = TypeVar("A", bound=msgspec.Struct)
_BETWEEN = "//"  # of part and file, in the name of a piece of evidence
_ABSENT = "absent"


class Part(msgspec.Struct, frozen=True):
    """A probe that is joined, under a name of its own."""

    name: str
    probe: Probe[Any]
    args: Any


class Seen(msgspec.Struct, frozen=True):
    """What a part saw: its evidence and how it reads it, or why there is none."""

    raws: tuple[Raw, ...] = ()
    reading: Reading = Reading()
    trouble: Message | None = None


class _Absence(msgspec.Struct):
    reason: Message
    late: bool


class JointProbe(Probe[A]):
    """Reads the evidence of several probes together."""

    @abstractmethod
    def parts(self, args: A) -> tuple[Part, ...]:
        """Return the probes to join, with their arguments."""

    @abstractmethod
    def join(self, seen: Mapping[str, Seen], args: A, now: datetime) -> Reading:
        """Interpret what the parts saw; at least one of them saw something, or knows the reason.

        Raises ProbeError.
        """

    def collect(self, args: A, deadline: Deadline) -> tuple[Raw, ...]:
        """Let each part look, one after the other."""
        return gathered(self.parts(args), lambda part: part.probe.collect(part.args, deadline))

    def read(self, raws: Sequence[Raw], args: A, now: datetime) -> Reading:
        """Let each part read its own, and join."""
        return self.join({part.name: _seen(part, raws, now) for part in self.parts(args)}, args, now)


def gathered(parts: Iterable[Part], look: Callable[[Part], tuple[Raw, ...]]) -> tuple[Raw, ...]:
    """Return the evidence of all parts under their names, with the reason of each that raised ProbeError."""
    found: list[Raw] = []
    for part in parts:
        try:
            raws = look(part)
        except ProbeError as error:
            absence = _Absence(error.reason, isinstance(error, LateError))
            raws = (Raw(_ABSENT, msgspec.json.encode(absence), ""),)
        found += [msgspec.structs.replace(raw, name=f"{part.name}{_BETWEEN}{raw.name}") for raw in raws]
    return tuple(found)


def _seen(part: Part, raws: Sequence[Raw], now: datetime) -> Seen:
    prefix = part.name + _BETWEEN
    own = tuple(
        msgspec.structs.replace(raw, name=raw.name.removeprefix(prefix)) for raw in raws if raw.name.startswith(prefix)
    )
    if not own:
        return _blind(say("the evidence is empty"))
    try:
        if own[0].name == _ABSENT:
            absence = msgspec.json.decode(own[0].data, type=prepared(_Absence))
            return _blind(absence.reason, late=absence.late)
        return Seen(own, part.probe.read(own, part.args, now))
    except ProbeError as error:
        return Seen(own, Reading(unreadable=error.reason), error.reason)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _blind(say("{name} cannot be read: {why}", name=part.name, why=str(error)))


def _blind(reason: Message, *, late: bool = False) -> Seen:
    return Seen((), Reading(unreadable=reason, late=late), reason)
