"""What a person knows and no machine can measure: what users see. Asked on the command line or at the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.playbook import Symptom
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, as_facts


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`untold` where nobody was asked, or nobody knew."""

    symptom: Symptom = "untold"


class Facts(msgspec.Struct, frozen=True):
    """`symptom`: `waiting`, `error`, `empty`, `slow` or `untold`."""

    symptom: str | None = None


class PersonProbe(Probe[Args]):
    """Hands on what was said."""

    arguments = Args
    facts = Facts
    needs: ClassVar[frozenset[str]] = frozenset({"symptom"})

    def defaults(self, settings: Settings) -> Args:
        """Nothing was said."""
        del settings
        return Args()

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Nothing is looked at."""
        del deadline
        return (pack("person.json", args, "person"),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Tell it."""
        del args
        told = unpack(raws, Args).symptom
        where = Evidence("told by a person", told, at=now.timestamp())
        return Reading(as_facts(Facts(told)), {"symptom": (where,)})
