"""How users' newest requests end, told by the logs of all layers together: what kind, after how long, and who gave up.

One log alone accuses the wrong one: a gateway that notes "client closed the connection" does not know whether that
client was a person, a chat UI with a limit of its own, or Nginx. Held beside each other, the logs do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

import msgspec

from opskit.logs.host_zone import host_zone
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.probes import gateway_log, nginx_access
from opskit.probes.base import ProbeError, as_facts
from opskit.probes.endings_clocks import clocks_apart
from opskit.probes.endings_kind import Kind, is_limit
from opskit.probes.endings_of import NEWEST, Ending, endings_of, front_of, is_of
from opskit.probes.endings_pace import flows, front_late, left_by, per_message
from opskit.probes.endings_run import alike, going_on
from opskit.probes.endings_words import OF_CONTEXT, said
from opskit.probes.gateway_told import stamp
from opskit.probes.joint import JointProbe, Part, Seen
from opskit.probes.log_then import stood

_KINDS: tuple[Kind, ...] = (
    *("empty", "unspoken", "cut", "left", "forbidden", "too_long", "no_model", "no_route", "bad"),
    *("down", "name", "late", "busy", "breaker", "broken"),
)

_OF_BOTH = ("left_by", "front_late", "calls_per_message", "clocks_apart_s")
_MUCH = 4
_KNOWN = 10


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`recent_s` is how far back an ending may lie; with `user` that one's count, if there are any."""

    gateway: gateway_log.Args = gateway_log.Args()
    nginx: nginx_access.Args = nginx_access.Args()
    recent_s: float = 600.0
    user: str = ""


class Facts(msgspec.Struct, frozen=True):
    """Numbers of users' newest 20 requests that ended at the gateway in a way, 0 where that is over.

    `..._after_s`: the time after which all of these ended, 0 where they differ. `left_by`: who hung up on the gateway,
    a `user` or a `server` in front of it (Nginx or Clawdbot), "" where nobody did. `smallest_prompt_chars` is that of
    the newest ten, `refused_prompt_chars` the shortest prompt that was too long. `flows`: of the last long answers the
    first words came to the gateway well before the last ones; `front_late`: Nginx got the beginning of such streams
    from it only at their end. `calls_per_message`: requests that Clawdbot made of the gateway over messages that users
    sent it. `much_tokens` is four times the longest answer. `failed_began_s`: so
    many seconds ago the newest question began that came to no answer (`late`, `broken`). `clocks_apart_s`: between
    Nginx's clock and the gateway's, by what both logs tell.
    """

    ended: int | None = None
    empty: int | None = None
    unspoken: int | None = None
    cut: int | None = None
    left: int | None = None
    forbidden: int | None = None
    too_long: int | None = None
    no_model: int | None = None
    no_route: int | None = None
    bad: int | None = None
    down: int | None = None
    name: int | None = None
    late: int | None = None
    failed_began_s: float | None = None
    busy: int | None = None
    breaker: int | None = None
    broken: int | None = None
    good: int | None = None
    cut_after_s: float | None = None
    left_after_s: float | None = None
    left_by: str | None = None
    smallest_prompt_chars: int | None = None
    refused_prompt_chars: int | None = None
    flows: bool | None = None
    front_late: bool | None = None
    calls_per_message: float | None = None
    much_tokens: int | None = None
    clocks_apart_s: float | None = None


class EndingsProbe(JointProbe[Args]):
    """Joins the gateway's log with Nginx's."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """Those of the two parts."""
        gateway = gateway_log.GatewayLogProbe().defaults(settings)
        return Args(gateway, nginx_access.NginxAccessProbe().defaults(settings))

    def as_of(self, args: Args, moment: float) -> Args:
        """Both logs as they stood then."""
        return Args(
            msgspec.structs.replace(args.gateway, at=moment),
            msgspec.structs.replace(args.nginx, at=moment),
            args.recent_s,
            args.user,
        )

    def parts(self, args: Args) -> tuple[Part, ...]:
        """Both logs."""
        gateway = Part("gateway", gateway_log.GatewayLogProbe(), args.gateway)
        return gateway, Part("nginx", nginx_access.NginxAccessProbe(), args.nginx)

    def join(self, seen: Mapping[str, Seen], args: Args, now: datetime) -> Reading:
        """Sort the newest requests by how they ended; without the gateway's log nothing can be said."""
        gateway, nginx = seen["gateway"], seen["nginx"]
        if gateway.trouble is not None:
            raise ProbeError(gateway.trouble)
        zone = now.tzinfo or host_zone()
        raws = stood(gateway.raws, args.gateway.at, lambda line: stamp(line, zone))
        front = None
        if nginx.trouble is None:
            front = front_of(_then(nginx.raws, args, zone), args.recent_s, now)
        ended = endings_of(raws, args.gateway.time_unit, args.recent_s, now, front)
        if args.user:  # of whom nothing is known: then the others tell how the service is
            ended = [one for one in ended if is_of(one.request, args.user)] or ended
        newest = ended[-NEWEST:]
        facts: dict[str, Fact] = {**as_facts(Facts()), "ended": len(newest)}
        if newest:
            facts |= _counts(ended, newest) | _lengths(newest) | {"much_tokens": _much(ended)}
            facts |= {"flows": flows(ended)}
        facts |= {
            "left_by": left_by(newest, front),
            "front_late": front_late(ended, front),
            "calls_per_message": per_message(ended, front),
            "failed_began_s": _failed_began(ended, now),
            "clocks_apart_s": clocks_apart(ended, front),
        }
        return Reading(facts, _evidence(ended, newest, facts), _why(facts, nginx.trouble))


def _then(raws: Sequence[Raw], args: Args, zone: tzinfo) -> tuple[Raw, ...]:
    return stood(raws, args.nginx.at, lambda line: nginx_access.stamp(line, zone))


def _counts(ended: Sequence[Ending], newest: Sequence[Ending]) -> dict[str, Fact]:
    # What an open breaker turns away tells nothing of what opened it.
    asked = [one for one in ended if one.kind != "breaker"][-NEWEST:]
    counts: dict[str, Fact] = {kind: going_on([_is(one, kind) for one in asked]) for kind in _KINDS}
    counts["breaker"] = going_on([_is(one, "breaker") for one in newest])
    if counts["unspoken"] and _is_mixed(asked):
        counts["unspoken"] = None
    counts["good"] = sum(one.kind == "good" for one in newest)
    limits = {
        "left": [one.request for one in asked if one.kind == "left"],
        "cut": [one.request for one in asked if one.kind == "cut" and is_limit(one.request)],
    }
    for kind, cut in limits.items():
        after = alike([(one.at, one.duration_s or 0.0) for one in cut]) if counts[kind] else None
        counts[f"{kind}_after_s"] = after or 0.0
    return counts


def _is(one: Ending, kind: Kind) -> bool | None:
    """Whether it failed in this way; only a good answer says that it did not."""
    return True if one.kind == kind else False if one.kind == "good" else None


def _is_mixed(newest: Sequence[Ending]) -> bool:
    """Whether answers of which a first word is told come between those without, and it is not known which are streams.

    An answer in one piece has no first word.
    """
    first = next((place for place, one in enumerate(newest) if one.kind == "unspoken"), len(newest))
    since = newest[first:]
    told = any(one.kind == "good" and one.request.first_byte_s is not None for one in since)
    return told and any(one.kind == "unspoken" and one.in_pieces is None for one in since)


def _lengths(newest: Sequence[Ending]) -> dict[str, Fact]:
    ten = newest[-NEWEST // 2 :]
    sizes = [chars for one in ten if (chars := one.request.prompt_chars) is not None]
    refused = [chars for one in newest if _is_own_limit(one) and (chars := one.request.prompt_chars) is not None]
    return {
        "smallest_prompt_chars": min(sizes, default=None),
        "refused_prompt_chars": min(refused, default=None),
    }


def _is_own_limit(one: Ending) -> bool:
    """Whether the gateway itself found a prompt too long, and not the model, whose limit is one of tokens."""
    request = one.request
    of_model = OF_CONTEXT.search(said(request.error)) or (request.upstream_status or "").startswith("4")
    return one.kind == "too_long" and not of_model


def _failed_began(ended: Sequence[Ending], now: datetime) -> float | None:
    failed = [one.request for one in ended if one.kind in {"late", "broken"}]
    return round(now.timestamp() - failed[-1].at + (failed[-1].duration_s or 0.0), 3) if failed else None


def _much(ended: Sequence[Ending]) -> int | None:
    """Return a length that no answer has come near to; None where too few are known to say so."""
    tokens = [count for one in ended if one.kind == "good" and (count := one.request.completion_tokens) is not None]
    return _MUCH * max(tokens) if len(tokens) >= _KNOWN else None


def _evidence(
    ended: Sequence[Ending], newest: Sequence[Ending], facts: Mapping[str, Fact]
) -> dict[str, tuple[Evidence, ...]]:
    """The newest line of each kind that is going on."""
    last = {one.kind: one for one in ended}
    found: dict[str, tuple[Evidence, ...]]
    found = {str(kind): (one.line.evidence(one.request.at),) for kind, one in last.items() if facts.get(kind)}
    for kind in ("cut", "left"):
        if kind in found:
            found[f"{kind}_after_s"] = found[kind]
    if "too_long" in found:
        found["refused_prompt_chars"] = found["too_long"]
    if newest:
        found["ended"] = (newest[-1].line.evidence(newest[-1].request.at),)
        told = [one for one in newest[-NEWEST // 2 :] if one.request.prompt_chars is not None] or newest[-1:]
        smallest = min(told, key=lambda one: one.request.prompt_chars or 0)
        found["smallest_prompt_chars"] = (smallest.line.evidence(smallest.request.at),)
    return found


def _why(facts: Mapping[str, Fact], nginx: Message | None) -> dict[str, Message]:
    none = say("no request of a user ended lately according to the gateway's log")
    untold = say("the gateway's log does not tell")
    reason = none if not facts["ended"] else untold
    why = {name: reason for name, value in facts.items() if value is None}
    if nginx is not None and facts["ended"]:
        why |= {name: nginx for name in _OF_BOTH if facts[name] is None}
    return why
