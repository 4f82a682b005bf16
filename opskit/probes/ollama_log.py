"""What Ollama's log tells of failures: a file or a unit's journal, classified by the texts of all its generations.

A failure counts only while nothing was answered well after it in the same log: yesterday's out-of-memory line, or one
that the server has recovered from, accuses nobody.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo

import msgspec

from opskit.logs.host_zone import host_zone
from opskit.logs.ollama import Event, events
from opskit.logs.ollama_start import starts
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, Probe, ProbeError
from opskit.probes.journal import collect_journal
from opskit.probes.log_tail import AHEAD_S, collect_recent, cut_note, never_written
from opskit.probes.log_then import stood_by
from opskit.probes.ollama_answers import GoodAnswers, asked_age, is_generation
from opskit.probes.ollama_loads import told_of_loads
from opskit.probes.ollama_trouble import DEATHS, METRICS, trouble_details, trouble_samples

_WINDOW_S = 7200.0
_FINAL = ("terminated", "Load failed", "CUDA error", "panic", "Error:", "error loading")
Seen = tuple[Event, Raw]
LABELS = {
    "vram-oom": "vram_oom",
    "ram-oom": "ram_oom",
    "panic": "panic",
    "crash": "crash",
    "gpu-lost": "gpu_lost",
    "gpu-fault": "gpu_fault",
    "load-timeout": "load_timeout",
    "queue-full": "queue_full",
    "cpu-fallback": "cpu_fallback",
    "stuck": "stuck",
    "disk-full": "disk_full",
}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`source` is a path, or `unit:NAME` for a journal, which `journalctl` reads.

    `recent_s` is how far back a failure may lie, from `at` (epoch seconds), which is now where it is 0.
    """

    source: str = "unit:ollama"
    journalctl: str = "journalctl"
    recent_s: float = 1800.0
    at: float = 0.0


class Facts(msgspec.Struct, frozen=True):
    """A failure is True where it is recent and nothing was answered well after it.

    The counts are of the last `recent_s` seconds: questions that were cut to the context (`truncated`, and their share
    of all), those that were answered 403 and 503, and starts of the server. `longest_s` is the longest answer, and the
    loads are those of `ollama_loads`. `asked_age_s`: so long ago, at least, the newest question ended, however it did.
    """

    vram_oom: bool | None = None
    ram_oom: bool | None = None
    panic: bool | None = None
    crash: bool | None = None
    gpu_lost: bool | None = None
    gpu_fault: bool | None = None
    load_timeout: bool | None = None
    queue_full: bool | None = None
    cpu_fallback: bool | None = None
    stuck: bool | None = None
    disk_full: bool | None = None
    last_ok_age_s: float | None = None
    truncated: int | None = None
    truncated_pct: float | None = None
    forbidden: int | None = None
    busy: int | None = None
    starts: int | None = None
    longest_s: float | None = None
    loads: int | None = None
    loads_changed: int | None = None
    loads_other_model: int | None = None
    loads_failed: int | None = None
    loading_s: float | None = None
    load_median_s: float | None = None
    asked_age_s: float | None = None


class OllamaLogProbe(Probe[Args]):
    """Reads the log back two hours, looks for failures without recovery in the last part of it."""

    arguments = Args
    facts = Facts
    metrics = METRICS

    def defaults(self, settings: Settings) -> Args:
        """The configured log or unit."""
        return Args(settings.stack.ollama.log, settings.stack.host.journalctl)

    def as_of(self, args: Args, moment: float) -> Args:
        """The log as it stood then."""
        return msgspec.structs.replace(args, at=moment)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the file, or ask the journal."""
        if args.source.startswith("unit:"):
            since = (args.at or time.time()) - _WINDOW_S
            match = ("-u", args.source.removeprefix("unit:"))
            return (collect_journal("ollama.log", match, since, deadline, args.journalctl, args.at),)
        return collect_recent("ollama.log", args.source, deadline)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Take the failures after the last good answer, if they are recent and their time is known."""
        at = now.timestamp()
        zone = now.tzinfo or host_zone()
        if not args.source.startswith("unit:") and never_written(raws):
            raise ProbeError(say("{path} is empty", path=args.source))
        raws = stood_by(raws, args.at, lambda raw: _dated(raw, zone, at))
        told = [
            (event, raw)
            for raw in raws
            for event in events(raw.data, raw.first_line, zone, at)
            if event.at is None or event.at <= at + AHEAD_S
        ]
        failures = _standing(told)
        _insist_on_times(failures)
        facts, evidence = _failed_as([pair for pair in failures if _is_recent(pair[0], at, args)])
        last_ok = next((event.at for event, _ in reversed(told) if _answered(event)), None)
        facts["last_ok_age_s"] = None if last_ok is None else round(max(0.0, at - last_ok), 3)
        facts["asked_age_s"] = asked_age((event for event, _ in told), at)
        why = {"last_ok_age_s": say("the log shows no request that ended well")}
        why |= dict.fromkeys(("longest_s", "load_median_s", "asked_age_s"), say("the log shows no such line"))
        recent = [event for event, _ in told if _is_trouble(event) and _is_recent(event, at, args)]
        standing = [event for event, _ in failures if _is_recent(event, at, args)]
        began = [
            start for raw in raws for start in starts(raw.data, zone, at) if -AHEAD_S <= at - start <= args.recent_s
        ]
        why |= trouble_details(recent, standing)
        counts, lines = _counted([pair for pair in told if _is_recent(pair[0], at, args)])
        of_loads, proofs = told_of_loads(raws, zone, at, args.recent_s)
        facts |= {**counts, **of_loads, "starts": len(began)}
        evidence |= {**lines, **proofs}
        samples = trouble_samples(recent, standing, len(began), at)
        return Reading(facts, evidence, why, samples, cut_note(raws))


def _dated(raw: Raw, zone: tzinfo, at: float) -> Iterator[tuple[int, float | None]]:
    return ((event.line, event.at) for event in events(raw.data, raw.first_line, zone, at))


def _insist_on_times(failures: list[Seen]) -> None:
    for event, raw in failures:
        if event.at is None:
            line = redact(event.text)
            raise ProbeError(
                say("{path}: a failure line has no time, it may be old: '{line}'", path=raw.origin, line=line)
            )


def _failed_as(failures: list[Seen]) -> tuple[dict[str, Fact], dict[str, tuple[Evidence, ...]]]:
    """Name the failures, with the first line of each."""
    facts: dict[str, Fact] = dict.fromkeys(LABELS.values(), False)
    evidence: dict[str, tuple[Evidence, ...]] = {}
    for event, raw in failures:
        name = LABELS[event.label]
        facts[name] = True
        evidence.setdefault(name, (_proof(event, raw),))
    return facts, evidence


def _proof(event: Event, raw: Raw) -> Evidence:
    return Evidence(raw.origin, redact(event.text)[:600], event.line, at=event.at)


def _counted(recent: list[Seen]) -> tuple[dict[str, Fact], dict[str, tuple[Evidence, ...]]]:
    """Count what needs no recovery to be told, with the newest line of each."""
    groups = {
        "truncated": [pair for pair in recent if pair[0].label == "truncated"],
        "forbidden": [pair for pair in recent if _status(pair[0]) == 403],
        "busy": [pair for pair in recent if _status(pair[0]) == 503],
    }
    facts: dict[str, Fact] = {name: len(pairs) for name, pairs in groups.items()}
    times = [event.request.duration_s or 0.0 for event, _ in recent if event.request and is_generation(event.request)]
    facts["longest_s"] = max(times, default=None)
    facts["truncated_pct"] = round(100 * len(groups["truncated"]) / max(len(times), 1, len(groups["truncated"])), 1)
    evidence: dict[str, tuple[Evidence, ...]] = {name: (_proof(*pairs[-1]),) for name, pairs in groups.items() if pairs}
    return facts, evidence


def _status(event: Event) -> int:
    request = event.request
    return (request.status or 0) if request is not None and is_generation(request) else 0


def _is_recent(event: Event, at: float, args: Args) -> bool:
    return event.at is not None and at - event.at <= args.recent_s


def _is_trouble(event: Event) -> bool:
    """Whether a line counts in itself: an allocation that fails while a layout is tried does not (see `_standing`)."""
    if event.label == "vram-oom":
        return _final_oom(event)
    return event.label in {*DEATHS, "queue-full"} and not _is_mere_status(event)


def _standing(told: list[Seen]) -> list[Seen]:
    """Return the failures that no good answer has followed, in the order of the log.

    An allocation may fail while Ollama tries how many layers fit: it counts only once the load or a request failed.
    (0.11 to 0.29 lay the model out by trial; 0.30 and later retry with a smaller context.)
    """
    standing, answers, final = list[Seen](), GoodAnswers(), False
    for event, raw in reversed(told):
        if _answered(event) and event.request is not None:
            answers.take(event.request)
        if event.label in LABELS and not _is_mere_status(event) and not answers.clear(event):
            decided = event.label != "vram-oom" or any(mark in event.text for mark in _FINAL)
            if decided or final:
                standing.append((event, raw))
        final = final or event.label in {"crash", "panic"} or _failed(event) or _final_oom(event)
    standing.reverse()
    return standing


def _is_mere_status(event: Event) -> bool:
    """An access line with status 500 says that a request failed and after how long; only another line says of what."""
    return event.label != "queue-full" and event.request is not None


def _final_oom(event: Event) -> bool:
    return event.label == "vram-oom" and any(mark in event.text for mark in _FINAL)


def _failed(event: Event) -> bool:
    return event.request is not None and (event.request.status or 0) >= 500


def _answered(event: Event) -> bool:
    request = event.request
    return request is not None and request.status == 200 and is_generation(request)
