"""Whether questions were answered at a moment that is over: users' own stand in for the canary, which is of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from opskit.logs.host_zone import host_zone
from opskit.model.message import say
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.probes import gateway_log
from opskit.probes.base import ProbeError, as_facts
from opskit.probes.endings_kind import Kind
from opskit.probes.endings_of import Ending, endings_of
from opskit.probes.gateway_told import stamp
from opskit.probes.joint import JointProbe, Part, Seen
from opskit.probes.log_then import stood

_ENOUGH = 3
_USERS_OWN: frozenset[Kind] = frozenset({"key", "forbidden", "limited", "too_long", "bad", "left", "untold"})
"""What tells of who asked, and not of whether the model can answer."""


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back an answer counts: from a minute before a complaint to when its request had ended."""

    gateway: gateway_log.Args = gateway_log.Args()
    recent_s: float = 180.0


class Facts(msgspec.Struct, frozen=True):
    """As the canary has them, by the newest three: `answered` where all ended well, `seen` where any did."""

    answered: bool | None = None
    seen: bool | None = None


class UsersAnsweredProbe(JointProbe[Args]):
    """Reads how the newest questions ended, by the gateway's log."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """The configured gateway's log."""
        return Args(gateway_log.GatewayLogProbe().defaults(settings))

    def as_of(self, args: Args, moment: float) -> Args:
        """The log as it stood then."""
        return Args(msgspec.structs.replace(args.gateway, at=moment), args.recent_s)

    def parts(self, args: Args) -> tuple[Part, ...]:
        """The gateway's log."""
        return (Part("gateway", gateway_log.GatewayLogProbe(), args.gateway),)

    def join(self, seen: Mapping[str, Seen], args: Args, now: datetime) -> Reading:
        """Judge by the newest; where too few asked, nothing is known."""
        gateway, zone = seen["gateway"], now.tzinfo or host_zone()
        if gateway.trouble is not None:
            raise ProbeError(gateway.trouble)
        raws = stood(gateway.raws, args.gateway.at, lambda line: stamp(line, zone))
        ended = endings_of(raws, args.gateway.time_unit, args.recent_s, now)
        told = [one for one in ended if one.kind not in _USERS_OWN]
        facts: dict[str, Fact] = as_facts(_facts(told))
        proof = tuple(one.line.evidence(one.request.at) for one in told[-_ENOUGH:])
        few = say("too few questions ended then to say whether they were answered")
        return Reading(facts, dict.fromkeys(facts, proof), dict.fromkeys(facts, few))


def _facts(told: Sequence[Ending]) -> Facts:
    good = [one.kind == "good" for one in told[-_ENOUGH:]]
    if len(good) < _ENOUGH:
        return Facts(seen=True if any(good) else None)
    return Facts(answered=True if all(good) else None if any(good) else False, seen=any(good))
