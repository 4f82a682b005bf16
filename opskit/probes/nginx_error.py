"""What Nginx's error log says of the services behind it: refused, timed out, died in the middle of an answer.

Matched on errno, not on its text (musl words it differently). Lines carry local time without a zone: the host's.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

import msgspec

from opskit.logs.host_zone import host_zone
from opskit.logs.nginx_trouble import KINDS, kind
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.address import port_of
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.error_lines import error_record
from opskit.probes.log_tail import (
    AT_ONCE_BYTES,
    CAP_BYTES,
    collect_log,
    cut_note,
    never_written,
    not_ahead,
    read_lines,
)
from opskit.probes.log_then import stood
from opskit.probes.nginx_error_groups import Pair, clients, groups

_WINDOW_S = 7200.0
_QUOTE = 160
_SAME = {"limited_clients": "limited", "no_connections_age_s": "no_connections_left"}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log, and where the services behind Nginx listen, to tell them apart in `upstream:`.

    `at` is the moment to judge (epoch seconds), now where it is 0.
    """

    path: str = ""
    gateway: str = ""
    clawdbot: str = ""
    recent_s: float = 900.0
    at: float = 0.0


class Facts(msgspec.Struct, frozen=True):
    """Numbers of lines within the last `recent_s` seconds.

    `elsewhere_refused`: by a service that is neither the configured gateway nor Clawdbot. `bodies_unwritable`: Nginx
    could not write a long question to its temporary folder; `bodies_refused`: it was longer than client_max_body_size.
    `limited_clients` of limit_req and limit_conn; `no_connections_age_s` since the newest line about that.
    """

    gateway_refused: int | None = None
    gateway_timeouts: int | None = None
    clawdbot_refused: int | None = None
    clawdbot_timeouts: int | None = None
    elsewhere_refused: int | None = None
    died_midstream: int | None = None
    no_connections_left: int | None = None
    no_files_left: int | None = None
    bodies_unwritable: int | None = None
    bodies_refused: int | None = None
    limited: int | None = None
    disk_full: int | None = None
    unresolved: int | None = None
    bad_answers: int | None = None
    headers_too_big: int | None = None
    no_live: int | None = None
    forbidden_by_rule: int | None = None
    emergencies: int | None = None
    limited_clients: int | None = None
    no_connections_age_s: float | None = None


class NginxErrorProbe(Probe[Args]):
    """Reads the error log back two hours or more, counts the last minutes of it."""

    arguments = Args
    facts = Facts
    metrics = frozenset({*KINDS, "limited_clients", "records"})

    def defaults(self, settings: Settings) -> Args:
        """The configured error log and services."""
        stack = settings.stack
        return Args(stack.nginx.error_log, stack.gateway.url, stack.clawdbot.url)

    def as_of(self, args: Args, moment: float) -> Args:
        """The log as it stood then."""
        return msgspec.structs.replace(args, at=moment)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the newest part of the log."""
        zone = host_zone()
        return collect_log(
            "nginx-error.log",
            args.path,
            (args.at or time.time()) - max(_WINDOW_S, args.recent_s),
            lambda line: stamp(line, zone),
            deadline,
            CAP_BYTES if args.at else AT_ONCE_BYTES,
        )

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Count by service and kind."""
        if not raws:
            raise ProbeError(say("the evidence is empty"))
        zone = now.tzinfo or host_zone()
        at, raws = now.timestamp(), stood(raws, args.at, lambda line: stamp(line, zone))
        told = list(not_ahead(_records(raws, zone), at))
        recent = [pair for pair in told if at - pair[0].at <= args.recent_s]
        gateway, clawdbot = port_of(args.gateway) or -1, port_of(args.clawdbot) or -1
        found = groups(recent, gateway, clawdbot)
        newest = found["no_connections_left"][-1:]
        facts = Facts(
            **{name: len(pairs) for name, pairs in found.items()},
            limited_clients=clients(found["limited"]),
            no_connections_age_s=round(max(0.0, at - newest[0][0].at), 3) if newest else None,
        )
        evidence = {name: _last(pairs) for name, pairs in found.items() if pairs}
        evidence |= {more: evidence[name] for more, name in _SAME.items() if name in evidence}
        kinds = {name: [pair for pair in recent if kind(pair[0]) == name] for name in KINDS}
        why = {name: _newest(pairs) for name, pairs in kinds.items() if pairs}
        if not newest:
            why["no_connections_age_s"] = say("the log shows no such line")
        notes = (*cut_note(raws), *_quiet(raws, told, at))
        return Reading(as_facts(facts), evidence, why, _samples(kinds, len(recent), at), notes)


def _samples(kinds: dict[str, list[Pair]], records: int, at: float) -> tuple[Sample, ...]:
    clients = {record.client for record, _ in kinds["limited"] if record.client}
    counts = {name: len(pairs) for name, pairs in kinds.items()}
    counts |= {"limited_clients": len(clients), "records": records}
    return tuple(Sample(name, float(count), at=at, low=0) for name, count in counts.items())


def _newest(pairs: list[Pair]) -> Message:
    record, line = pairs[-1]
    return say("{path}:{number}: {line}", path=line.source, number=line.number, line=redact(record.message)[:_QUOTE])


def _quiet(raws: Sequence[Raw], told: list[Pair], at: float) -> tuple[Message, ...]:
    """Tell a log in which nothing happened from one that Nginx may not be writing to."""
    if never_written(raws):
        return (say("{path} holds nothing: is it the one that error_log names?", path=raws[-1].origin),)
    if not told:
        return (say("no record of the last hours in {path}", path=raws[-1].origin),)
    minutes = max(0, round((at - told[-1][0].at) / 60))
    return (say("the newest record is {minutes} min old", minutes=minutes),)


def _records(raws: Sequence[Raw], zone: tzinfo) -> Iterator[Pair]:
    """Parse the lines that begin a record; those that go on with one are left out.

    Raises ProbeError where there are lines and none of them begins one.
    """
    lines = records = 0
    for line in read_lines(raws):
        record, lines = error_record(line.data, zone), lines + 1
        if record:
            records += 1
            yield record, line
    if lines and not records:
        raise ProbeError(say("{path}: no line has a known format", path=raws[-1].origin))


def stamp(line: bytes, zone: tzinfo) -> float | None:
    """Return the time of a line; None where it begins no record."""
    record = error_record(line, zone)
    return record.at if record else None


def _last(pairs: list[Pair]) -> tuple[Evidence, ...]:
    record, line = pairs[-1]
    return (line.evidence(record.at),)
