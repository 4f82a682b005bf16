"""Ollama's own view: does it answer, is the model there, is it loaded, and how much of it is on the GPU.

`/api/tags` and `/api/ps` are answered by the server even while its runner is dead or wedged (ollama#7573): they prove
the server, never an answer. What they say about the model is trusted, what they leave out is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.model.typed import prepared
from opskit.probes.answer import failed, pack, unpack
from opskit.probes.base import Deadline, Probe, Whole, as_facts
from opskit.probes.exchange import Exchange, Target, exchange


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The server and the model that the chat uses."""

    url: str = ""
    model: str = "qwen3:32b"


class Facts(msgspec.Struct, frozen=True):
    """`vram_share_pct` is size_vram / size of the loaded model: 100 means all of it is on the GPU."""

    answered: bool | None = None
    refused: bool | None = None
    timed_out: bool | None = None
    answer_s: float | None = None
    model_present: bool | None = None
    model_loaded: bool | None = None
    vram_share_pct: float | None = None
    stopping: bool | None = None
    context_length: int | None = None


class Asked(msgspec.Struct, frozen=True):
    """The evidence: the exchanges. Older evidence has no `version`."""

    tags: Exchange
    ps: Exchange | None = None
    version: Exchange | None = None


class Model(msgspec.Struct):
    """An entry of /api/tags or /api/ps; sizes in bytes, the part in GPU memory is `size_vram`: None where untold."""

    name: str = ""
    model: str = ""
    size: Whole = 0
    size_vram: Whole | None = None
    context_length: Whole | None = None
    expires_at: str | None = None
    digest: str = ""


class _Models(msgspec.Struct):
    models: list[Model] | None  # Go writes an empty list as null; an object without it is no list of models


class _Version(msgspec.Struct):
    version: str


class OllamaApiProbe(Probe[Args]):
    """Asks /api/tags, /api/ps and /api/version."""

    arguments = Args
    facts = Facts
    metrics = frozenset(
        {"answered", "answer_s", "model_present", "vram_share_pct", "loaded_vram_pct", "unload_stuck", "version_known"}
    )

    def defaults(self, settings: Settings) -> Args:
        """The configured server and model."""
        return Args(settings.stack.ollama.url, settings.stack.ollama.model)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Ask the routes; the others only where the first was answered."""
        base = args.url.rstrip("/")
        tags = exchange(Target(base + "/api/tags"), deadline)
        ps = exchange(Target(base + "/api/ps"), deadline) if tags.failure is None and deadline.left else None
        asks_on = ps is not None and ps.failure is None and deadline.left
        version = exchange(Target(base + "/api/version"), deadline) if asks_on else None
        return (pack("ollama-api.json", Asked(tags, ps, version), base),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Find the model in both lists."""
        asked, at = unpack(raws, Asked), now.timestamp()
        known, loaded = models_of(asked.tags), models_of(asked.ps)
        present = None if known is None else named(known, args.model) is not None
        running = None if loaded is None else named(loaded, args.model)
        facts = Facts(
            answered=asked.tags.status is not None,
            refused=asked.tags.refused,
            timed_out=asked.tags.timed_out or bool(asked.ps and asked.ps.timed_out),
            answer_s=asked.tags.phases.get("total_s") if asked.tags.failure is None else None,
            model_present=present,
            model_loaded=None if loaded is None else running is not None,
            vram_share_pct=_share(running),
            stopping=_stopping(running, now),
            context_length=running.context_length if running else None,
        )
        samples = (
            Sample("answered", float(bool(facts.answered)), at=at),
            Sample("answer_s", facts.answer_s, "s", at=at),
            Sample("model_present", None if present is None else float(present), at=at),
            Sample("vram_share_pct", facts.vram_share_pct, "%", at=at),
            *_loaded_samples(facts, at),
        )
        evidence, why = _evidence(asked, facts, args, at), _reasons(asked, facts, args)
        if asked.version is None:
            return Reading(as_facts(facts), evidence, why, samples)
        version = version_of(asked.version)
        samples = (*samples, Sample("version_known", float(version is not None), at=at))
        notes = (say("Ollama {version}", version=version),) if version else ()
        return Reading(as_facts(facts), evidence, why, samples, notes)


def _loaded_samples(facts: Facts, at: float) -> tuple[Sample, ...]:
    """What can be said of a model only while it is loaded; that it is not is no fault, the next question loads it.

    Where it is not known whether it is loaded, the values are not known either.
    """
    if facts.model_loaded is False:
        return ()
    stuck = None if facts.model_loaded is None else float(facts.stopping is True)
    share = Sample("loaded_vram_pct", facts.vram_share_pct, "%", at=at, low=0, high=100)
    return (share, Sample("unload_stuck", stuck, at=at, low=0))


def version_of(asked: Exchange) -> str | None:
    """Return the version in an answer of /api/version, None where it is another answer."""
    if asked.status != 200 or asked.failure is not None:
        return None
    try:
        return msgspec.json.decode(asked.body, type=prepared(_Version)).version or None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def model_of(asked: Exchange, name: str) -> Model | None:
    """Return a model from an answer of /api/ps or /api/tags, None where it is not in it."""
    models = models_of(asked)
    return None if models is None else named(models, name)


def models_of(asked: Exchange | None) -> list[Model] | None:
    """The list in an answer, or None where there is no readable one."""
    if asked is None or asked.status != 200 or asked.failure is not None:
        return None
    try:
        return msgspec.json.decode(asked.body, type=prepared(_Models)).models or []
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def named(models: list[Model], wanted: str) -> Model | None:
    """Compare as Ollama does: its own registry, `library/` and `:latest` go without saying, case does not matter."""
    full = _full(wanted)
    return next((model for model in models if full in {_full(model.name), _full(model.model)}), None)


def _full(name: str) -> str:
    short = name.lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return short if ":" in short.rpartition("/")[2] else f"{short}:latest"


def _share(model: Model | None) -> float | None:
    # size_vram above size, or a size of 0, is what the CLI shows as "Unknown" (ollama cmd/cmd.go).
    if model is None or model.size_vram is None or model.size <= 0 or not 0 <= model.size_vram <= model.size:
        return None
    return round(model.size_vram / model.size * 100, 2)


def _stopping(model: Model | None, now: datetime) -> bool | None:
    if model is None or not model.expires_at:
        return None
    try:
        expires = datetime.fromisoformat(model.expires_at)
    except ValueError:
        return None
    if expires.tzinfo is None or expires.year == 1:  # the zero time of Go: nobody has set it yet
        return None
    return expires < now


def _evidence(asked: Asked, facts: Facts, args: Args, at: float) -> dict[str, tuple[Evidence, ...]]:
    tags = Evidence(f"GET {asked.tags.url}", _answer_line(asked.tags), at=at)
    ps = Evidence(f"GET {asked.ps.url}", _answer_line(asked.ps), at=at) if asked.ps else tags
    share = Evidence(ps.source, f"{args.model}: {facts.vram_share_pct} % in VRAM", field="models[].size_vram", at=at)
    found = dict.fromkeys(("answered", "refused", "timed_out", "answer_s", "model_present"), (tags,))
    return {**found, "model_loaded": (ps,), "stopping": (ps,), "vram_share_pct": (share,)}


def _answer_line(asked: Exchange) -> str:
    if asked.failure is not None:
        return f"{asked.failure.kind} at {asked.failure.stage}: {asked.failure.text}"
    names = [model.name or model.model for model in models_of(asked) or []]
    return f"HTTP {asked.status}, models: {', '.join(names[:8]) or 'none'}"


def _reasons(asked: Asked, facts: Facts, args: Args) -> dict[str, Message]:
    """Say for each fact that is missing why it is."""
    tags = no_list(asked.tags) if facts.model_present is None else None
    ps = tags or (no_list(asked.ps) if facts.model_loaded is None and asked.ps else None)
    of_model = ps or (
        say("{model} is not loaded", model=args.model)
        if facts.model_loaded is False
        else say("Ollama does not say how much of {model} is in VRAM", model=args.model)
    )
    reasons: dict[str, Message] = {}
    for name in [name for name, value in as_facts(facts).items() if value is None]:
        reasons[name] = tags if tags and name in {"answer_s", "model_present"} else ps or of_model
    for metric, fact in (("loaded_vram_pct", "vram_share_pct"), ("unload_stuck", "model_loaded")):
        if fact in reasons:
            reasons[metric] = reasons[fact]
    if tags is not None:
        reasons["answered"] = tags
    return reasons


def no_list(asked: Exchange) -> Message:
    """Say why an answer holds no list of models."""
    if asked.failure is not None:
        return failed(asked)
    return say("{url} answered {status}, not a list of models", url=asked.url, status=asked.status or 0)
