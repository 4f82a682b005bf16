"""What Ollama's log tells of failures: a file or a unit's journal, classified by the texts of all its generations.

A failure counts only while nothing was answered well after it in the same log: yesterday's out-of-memory line, or one
that the server has recovered from, accuses nobody.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime

import msgspec
from tzlocal import get_localzone

from opskit.logs.ollama import Event, events
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.probes.base import Deadline, Probe, ProbeError
from opskit.probes.journal import collect_journal
from opskit.probes.log_tail import collect_recent

_WINDOW_S = 7200.0
_GENERATION = ("/api/chat", "/api/generate", "/v1/chat/completions", "/v1/completions", "/v1/responses")
_FINAL = ("terminated", "Load failed", "CUDA error", "panic", "Error:", "error loading")
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
    """`source` is a path, or `unit:NAME` for a journal; `recent_s` how far back a failure may lie."""

    source: str = "unit:ollama"
    recent_s: float = 1800.0


class Facts(msgspec.Struct, frozen=True):
    """True where the failure is recent and nothing was answered well after it."""

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


class OllamaLogProbe(Probe[Args]):
    """Reads the log back two hours, looks for failures without recovery in the last part of it."""

    arguments = Args
    facts = Facts

    def defaults(self, settings: Settings) -> Args:
        """The configured log or unit."""
        return Args(settings.stack.ollama.log)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the file, or ask the journal."""
        if args.source.startswith("unit:"):
            since = time.time() - _WINDOW_S
            return (collect_journal("ollama.log", ("-u", args.source.removeprefix("unit:")), since, deadline),)
        return collect_recent("ollama.log", args.source, deadline)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Take the failures after the last good answer, if they are recent and their time is known."""
        at = now.timestamp()
        zone = now.tzinfo or get_localzone()
        if not args.source.startswith("unit:") and not any(raw.data.strip() for raw in raws):
            raise ProbeError(say("{path} is empty", path=args.source))
        told = [(event, raw) for raw in raws for event in events(raw.data, raw.first_line, zone)]
        answered = [n for n, (event, _) in enumerate(told) if _answered(event)]
        after = told[answered[-1] + 1 :] if answered else told
        failures = [(event, raw) for event, raw in after if event.label in LABELS and _stands(event, after)]
        undated = [event for event, _ in failures if event.at is None]
        if undated:
            raise ProbeError(
                say(
                    "{path}: a failure line has no time, it may be old: '{line}'",
                    path=raws[-1].origin,
                    line=redact(undated[0].text),
                )
            )
        recent = [(e, raw) for e, raw in failures if e.at is not None and at - e.at <= args.recent_s]
        facts: dict[str, Fact] = dict.fromkeys(LABELS.values(), False)
        evidence: dict[str, tuple[Evidence, ...]] = {}
        for event, raw in recent:
            facts[LABELS[event.label]] = True
            proof = Evidence(raw.origin, redact(event.text[:600]), event.line, at=event.at)
            evidence.setdefault(LABELS[event.label], (proof,))
        last_ok = told[answered[-1]][0].at if answered else None
        facts["last_ok_age_s"] = None if last_ok is None else round(at - last_ok, 3)
        return Reading(facts, evidence, {"last_ok_age_s": say("the log shows no request that ended well")})


def _stands(event: Event, after: list[tuple[Event, Raw]]) -> bool:
    """An allocation may fail while Ollama tries how many layers fit: it counts only once the load or a request failed.

    (0.11 to 0.29 lay the model out by trial; 0.30 and later retry with a smaller context.)
    """
    if event.label != "vram-oom" or any(mark in event.text for mark in _FINAL):
        return True
    later = [other for other, _ in after if other.line > event.line]
    return any(other.label in {"crash", "panic"} or _failed(other) or _final_oom(other) for other in later)


def _final_oom(event: Event) -> bool:
    return event.label == "vram-oom" and any(mark in event.text for mark in _FINAL)


def _failed(event: Event) -> bool:
    return event.request is not None and (event.request.status or 0) >= 500


def _answered(event: Event) -> bool:
    request = event.request
    return request is not None and request.status == 200 and (request.path or "").startswith(_GENERATION)
