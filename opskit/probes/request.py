"""What became of one request, or of the newest one of one user: the complaint itself, looked up in the logs.

The other probes tell how the service is; a person who calls wants to know of his own question. Only lines that name it
count: the id, or the user's name or address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo

import msgspec

from opskit.logs.finished import whole
from opskit.logs.host_zone import host_zone
from opskit.logs.outcome import outcomes
from opskit.logs.request import Request
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes import gateway_log, nginx_access
from opskit.probes.access_lines import access_record
from opskit.probes.base import ProbeError, as_facts
from opskit.probes.endings_kind import kind_of
from opskit.probes.endings_of import is_of
from opskit.probes.gateway_told import records, stamp
from opskit.probes.joint import JointProbe, Part, Seen
from opskit.probes.log_tail import Line, not_ahead, read_lines
from opskit.probes.log_then import stood
from opskit.probes.request_words import became

_SHOWN = 2  # lines of each log


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of `request_id` and `user` (a name or an address in the logs) at most one is given, and none as a rule."""

    request_id: str = ""
    user: str = ""
    gateway: gateway_log.Args = gateway_log.Args()
    nginx: nginx_access.Args = nginx_access.Args()


class Facts(msgspec.Struct, frozen=True):
    """The newest request that was asked about, within the last two hours; all but `asked` None where none was.

    `missing`: the logs could be read and none names it. `failed`: it ended, and not well. `waiting_s`: it began so long
    ago and has not ended; 0 where it has. `status` and `duration_s` are the gateway's, else Nginx's; `others_failed`
    are earlier ones of that user that failed.
    """

    asked: bool | None = None
    missing: bool | None = None
    failed: bool | None = None
    waiting_s: float | None = None
    status: int | None = None
    duration_s: float | None = None
    age_s: float | None = None
    others_failed: int | None = None


class Mention(msgspec.Struct, frozen=True):
    """A line that tells of it, and whose log it is in."""

    layer: str
    request: Request
    line: Line


class RequestProbe(JointProbe[Args]):
    """Reads the gateway's log and Nginx's for one request."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """Nobody is asked about; the logs are those of the two parts."""
        gateway = gateway_log.GatewayLogProbe().defaults(settings)
        return Args(gateway=gateway, nginx=nginx_access.NginxAccessProbe().defaults(settings))

    def as_of(self, args: Args, moment: float) -> Args:
        """Both logs as they stood then."""
        gateway, nginx = (msgspec.structs.replace(part, at=moment) for part in (args.gateway, args.nginx))
        return msgspec.structs.replace(args, gateway=gateway, nginx=nginx)

    def parts(self, args: Args) -> tuple[Part, ...]:
        """Both logs, where there is something to look up."""
        if not (args.request_id or args.user):
            return ()
        gateway = Part("gateway", gateway_log.GatewayLogProbe(), args.gateway)
        return gateway, Part("nginx", nginx_access.NginxAccessProbe(), args.nginx)

    def join(self, seen: Mapping[str, Seen], args: Args, now: datetime) -> Reading:
        """Find it and say what became of it."""
        if not seen:
            return Reading(as_facts(Facts(asked=False, missing=False, failed=False, waiting_s=0.0)))
        found = sorted(_mentions(seen, args, now), key=lambda one: one.request.at)
        dark = [part.trouble for part in seen.values() if part.trouble is not None]
        if not found and dark:
            raise ProbeError(dark[0])
        if not found:
            return Reading(as_facts(Facts(asked=True, missing=True, failed=False, waiting_s=0.0)), notes=(_none(args),))
        return _told(found, args, now.timestamp())


def _none(args: Args) -> Message:
    if args.user:
        return say("no line of the last two hours names the user {name} ({logs})", name=args.user, logs=_logs(args))
    return say(
        "no line of the last two hours names the request {name} ({logs})", name=args.request_id, logs=_logs(args)
    )


def _logs(args: Args) -> str:
    return ", ".join(path for path in (args.nginx.path, args.gateway.path) if path)


def _mentions(seen: Mapping[str, Seen], args: Args, now: datetime) -> Iterable[Mention]:
    zone, at = now.tzinfo or host_zone(), now.timestamp()
    mark = re.compile(rb"(?<![\w-])" + re.escape(args.request_id.encode("utf-8", "surrogateescape")) + rb"(?![\w-])")
    for layer, part in seen.items():
        if part.trouble is None:
            for request, line in not_ahead(_parsed(layer, part.raws, args, zone, at), at):
                named = mark.search(line.data) if args.request_id else is_of(request, args.user)
                if named and request.event != "other":
                    yield Mention(layer, whole(request, line.data), line)


def _parsed(layer: str, raws: Sequence[Raw], args: Args, zone: tzinfo, at: float) -> Iterable[tuple[Request, Line]]:
    if layer == "gateway":
        own = stood(raws, args.gateway.at, lambda line: stamp(line, zone))
        yield from records(own, args.gateway.time_unit, zone, at)
        return
    for line in read_lines(stood(raws, args.nginx.at, lambda line: nginx_access.stamp(line, zone))):
        request = access_record(line.data, zone, at)
        if request is not None:
            yield request, line


def _told(found: Sequence[Mention], args: Args, at: float) -> Reading:
    """Tell of the newest one, which may stand in both logs."""
    newest = found[-1].request
    own = [one for one in found if _belongs(one, found[-1], by_id=bool(args.request_id))]
    ends = [one for one in own if one.request.event == "end"]
    first = next((one for one in ends if one.layer == "gateway"), ends[0] if ends else None)
    others = [one for one in found if one not in own and one.request.event == "end"]
    facts = Facts(
        asked=True,
        missing=False,
        failed=any(map(_failed, ends)) if ends else None,
        waiting_s=0.0 if ends else round(max(0.0, at - own[0].request.at), 3),
        status=first.request.status if first else None,
        duration_s=first.request.duration_s if first else None,
        age_s=round(max(0.0, at - newest.at), 3),
        others_failed=sum(map(_failed, others)),
    )
    proof = tuple(one.line.evidence(one.request.at) for one in own[: 2 * _SHOWN])
    bad = tuple(one.line.evidence(one.request.at) for one in others if _failed(one))[-_SHOWN:]
    values = as_facts(facts)
    evidence = {name: proof for name, value in values.items() if value is not None and name != "others_failed"}
    return Reading(values, {**evidence, "others_failed": bad}, notes=tuple(_notes(own, ends)))


def _belongs(one: Mention, newest: Mention, *, by_id: bool) -> bool:
    """Whether it is a line of the same request: by its id, where one is known."""
    if by_id:
        return True
    ids = {one.request.request_id, newest.request.request_id}
    return one is newest or (len(ids) == 1 and None not in ids)


def _failed(one: Mention) -> bool:
    return kind_of(one.request) not in {"good", "untold"}


def _notes(own: Sequence[Mention], ends: Sequence[Mention]) -> Iterable[Message]:
    for one in ends:
        yield became(one.layer, kind_of(one.request))
        yield from outcomes(one.request)
    if not ends:
        yield say("{layer}: it began, and has not ended", layer=own[0].layer)
