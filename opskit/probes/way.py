"""Clawdbot's own way to the gateway, as a fact for a diagnosis: does its address resolve, answer, and take its key?

The question costs the model nothing (the list of models, or an empty request). What fails from here while Clawdbot has
a network of its own may work there: then nothing is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.address import address_of, port_of
from opskit.probes.answer import pack, unpack
from opskit.probes.backend import Backend, knock
from opskit.probes.backend_told import way
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.listeners import same_network


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Clawdbot's configuration file, the gateway as opskit knows it, and where Clawdbot itself listens."""

    config: str = ""
    gateway: str = ""
    key_header: str = "X-Api-Key"
    clawdbot: str = ""


class Facts(msgspec.Struct, frozen=True):
    """`elsewhere`: the address in Clawdbot's configuration has another port than the gateway that opskit knows."""

    good: bool | None = None
    refused: bool | None = None
    timed_out: bool | None = None
    unresolved: bool | None = None
    key_refused: bool | None = None
    no_route: bool | None = None
    elsewhere: bool | None = None
    status: int | None = None


class WayProbe(Probe[Args]):
    """Reads Clawdbot's configuration and knocks where it leads."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """The configured file and gateway."""
        stack = settings.stack
        return Args(stack.clawdbot.config or "", stack.gateway.url, stack.gateway.key_header, stack.clawdbot.url)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Ask as Clawdbot would; its key is sent nowhere else, and kept nowhere."""
        if not args.config:
            raise ProbeError(say("Clawdbot's configuration is not known: set stack.clawdbot.config"))
        backend = knock(args.config, args.key_header, deadline)
        if port_of(args.clawdbot) is not None and way(backend, args.gateway).good is False:
            place = address_of(args.clawdbot)
            backend = msgspec.structs.replace(backend, same_network=same_network(place.host, place.port))
        return (pack("way.json", backend, args.config),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Say where it ends."""
        backend = unpack(raws, Backend)
        found = way(backend, args.gateway)
        last = backend.chat or backend.models
        # Whose network is not known to be this one may have other names, and another address 127.0.0.1.
        reached = last is not None and last.failure is None
        if last is None or backend.problem or backend.same_network is False or not (reached or backend.same_network):
            return Reading(as_facts(Facts()), {}, dict.fromkeys(Facts.__struct_fields__, found.text))
        failure = last.failure.kind if last.failure else ""
        facts = Facts(
            good=found.good,
            refused=last.refused,
            timed_out=last.timed_out,
            unresolved=failure == "dns",
            key_refused=last.status == 401 and found.good is False,
            no_route=last.status == 404,
            elsewhere=port_of(backend.api_base) != port_of(args.gateway),
            status=last.status,
        )
        line = Evidence(backend.config, str(found.text), field="backend.api_base", at=now.timestamp())
        return Reading(as_facts(facts), dict.fromkeys(as_facts(facts), (line,)), _why(facts, found.text))


def _why(facts: Facts, text: Message) -> dict[str, Message]:
    return {name: text for name, value in as_facts(facts).items() if value is None}
