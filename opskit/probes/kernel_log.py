"""What the kernel says behind everybody's back: processes killed for memory, GPUs in trouble, full tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.logs.host_zone import host_zone
from opskit.logs.kernel import Event, events
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, Probe, ProbeError
from opskit.probes.journal import collect_journal
from opskit.probes.log_tail import AHEAD_S, collect_recent, cut_note, never_written

_WINDOW_S = 7200.0
_MODEL_SERVER = ("ollama", "llama")
_NAMES = {"gpu-lost": "gpu_off_the_bus", "gpu-fault": "xid", "conntrack-full": "conntrack_full"}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`source` is a path, or `journal`, which `journalctl` reads; `recent_s` how far back an event may lie.

    It is counted from `at` (epoch seconds), which is now where it is 0.
    """

    source: str = "journal"
    journalctl: str = "journalctl"
    recent_s: float = 1800.0
    at: float = 0.0


class Facts(msgspec.Struct, frozen=True):
    """`oom_kill`: the kernel killed the model server; `oom_kill_other`: somebody else. Ages are of the newest event."""

    oom_kill: bool | None = None
    oom_kill_age_s: float | None = None
    oom_kill_other: bool | None = None
    xid: bool | None = None
    gpu_off_the_bus: bool | None = None
    conntrack_full: bool | None = None


class KernelLogProbe(Probe[Args]):
    """Reads the kernel's log of the last minutes."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """The configured file, or the journal."""
        return Args(settings.stack.host.kernel_log, settings.stack.host.journalctl)

    def as_of(self, args: Args, moment: float) -> Args:
        """The log as it stood then."""
        return msgspec.structs.replace(args, at=moment)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the file, or ask the journal."""
        if args.source == "journal":
            since = (args.at or time.time()) - _WINDOW_S
            return (collect_journal("kernel.log", ("-k",), since, deadline, args.journalctl, args.at),)
        return collect_recent("kernel.log", args.source, deadline)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Sort the events by what they mean for the chat."""
        at, zone = now.timestamp(), now.tzinfo or host_zone()
        if args.source != "journal" and never_written(raws):
            raise ProbeError(say("{path} is empty", path=args.source))
        told = [
            (event, raw)
            for raw in raws
            for event in events(raw.data, raw.first_line, zone, read_at=at)
            if _fact(event) is not None
        ]
        undated = [(event, raw) for event, raw in told if event.at is None]
        if undated and len(undated) == len(told):
            raise ProbeError(
                say(
                    "{path}: its lines carry no time of day, so nothing in it can be called recent",
                    path=undated[0][1].origin,
                )
            )
        recent = [
            (event, raw)
            for event, raw in told
            if event.at is not None and -_ahead(args) <= at - event.at <= args.recent_s
        ]
        facts: dict[str, Fact] = dict.fromkeys(Facts.__struct_fields__, False)
        evidence: dict[str, tuple[Evidence, ...]] = {}
        for event, raw in recent:
            name = _fact(event) or ""
            facts[name] = True
            evidence[name] = (Evidence(raw.origin, redact(event.text)[:600], event.line, at=event.at),)
        kills = [event.at for event, _ in recent if _fact(event) == "oom_kill" and event.at is not None]
        facts["oom_kill_age_s"] = round(max(0.0, at - max(kills)), 3) if kills else None
        evidence["oom_kill_age_s"] = evidence.get("oom_kill", ())
        why = {"oom_kill_age_s": say("no such kill in the last {n} s", n=int(args.recent_s))}
        return Reading(facts, evidence, why, notes=cut_note(raws))


def _ahead(args: Args) -> float:
    """How far ahead of the present clocks may be; at a moment that is over what came after it is known to."""
    return 0.0 if args.at else AHEAD_S


def _fact(event: Event) -> str | None:
    """The fact that an event makes true; hung tasks and crashes of other programs make none."""
    if event.label == "ram-oom":
        name = (event.process or "").lower()
        return "oom_kill" if any(part in name for part in _MODEL_SERVER) else "oom_kill_other"
    return _NAMES.get(event.label)
