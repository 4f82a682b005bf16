"""Whether the model is on a GPU where there is one: the cards joined with what Ollama serves and what the logs say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo

import msgspec

from opskit.logs.envelope import unwrap
from opskit.logs.host_zone import host_zone
from opskit.logs.ollama import events
from opskit.logs.ollama_start import starts
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.reading import Reading
from opskit.model.regex import regex
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes import gpu, kernel_log, ollama_api, ollama_log
from opskit.probes.answer import unpack
from opskit.probes.base import ProbeError, as_facts
from opskit.probes.gpu_inventory import Inventory
from opskit.probes.gpu_tenants import elsewhere, spilled_pct
from opskit.probes.gpu_trouble import trouble_of
from opskit.probes.gpu_unused_causes import Traces, cause_of
from opskit.probes.joint import JointProbe, Part, Seen
from opskit.probes.ollama_api import Asked, Model, models_of, named

_ON_GPU_PCT = 1.0
_DRIVER = regex(r"(?:^|kernel: )NVRM: loading NVIDIA UNIX ")
_RESUMED = regex(
    r"(?:^|kernel: )(?:ACPI: )?PM: (?:suspend exit|Waking up from system sleep|hibernation: hibernation exit)"
)


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those of the parts."""

    gpu: gpu.Args = gpu.Args()
    ollama: ollama_api.Args = ollama_api.Args()
    ollama_log: ollama_log.Args = ollama_log.Args()
    kernel: kernel_log.Args = kernel_log.Args()


class Facts(msgspec.Struct, frozen=True):
    """`model_on_cpu`: the configured model is loaded, and no part of it is in GPU memory; `cause` in words."""

    model_on_cpu: bool | None = None
    cause: str | None = None


class GpuUnusedProbe(JointProbe[Args]):
    """Joins the cards with /api/ps, Ollama's log and the kernel's."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"model_on_cpu"})

    def defaults(self, settings: Settings) -> Args:
        """Those of the parts."""
        return Args(
            gpu.GpuProbe().defaults(settings),
            ollama_api.OllamaApiProbe().defaults(settings),
            ollama_log.OllamaLogProbe().defaults(settings),
            kernel_log.KernelLogProbe().defaults(settings),
        )

    def parts(self, args: Args) -> tuple[Part, ...]:
        """The quick ones first; who asks for the cards alone has asked them meanwhile."""
        return (
            Part("ollama_log", ollama_log.OllamaLogProbe(), args.ollama_log),
            Part("kernel", kernel_log.KernelLogProbe(), args.kernel),
            Part("ollama", ollama_api.OllamaApiProbe(), args.ollama),
            Part("gpu", gpu.GpuProbe(), args.gpu),
        )

    def join(self, seen: Mapping[str, Seen], args: Args, now: datetime) -> Reading:
        """Say whether the model is on the CPU, and why.

        2 where a GPU is expected, 1 where one is merely there, where only the log says so, and where the model is said
        to be on a GPU and no GPU of this host holds as much.
        """
        at, zone = now.timestamp(), now.tzinfo or host_zone()
        found = _cards(seen["gpu"], args)
        loaded, silence = _loaded(seen["ollama"], args)
        if loaded is None:
            return _resting(seen["ollama_log"], silence, at)
        spilled = spilled_pct(loaded)
        if spilled is None and not loaded.size_vram:
            untold = say("Ollama does not say how much of {model} is in VRAM", model=loaded.name or loaded.model)
            return _resting(seen["ollama_log"], untold, at)
        on_cpu = spilled is not None and spilled > 100 - _ON_GPU_PCT
        there = bool(args.gpu.expected) or trouble_of(found) is None
        level = (2 if args.gpu.expected else 1) if on_cpu and there else 0
        name = loaded.name or loaded.model
        cause = cause_of(_traces(found, loaded, seen, zone, at)) if level else None
        if not level:
            cause = elsewhere(found.gpus, [loaded])
            level = int(cause is not None)
        why = {"model_on_cpu": say("{model}: {cause}", model=name, cause=cause)} if cause is not None else {}
        shown = f"{name}: size_vram {loaded.size_vram}, size {loaded.size}"
        proof = (Evidence("GET /api/ps", shown, field="models[].size_vram", at=at),)
        facts = Facts(bool(level), str(cause) if cause is not None else "")
        return Reading(as_facts(facts), {"model_on_cpu": proof}, why, (Sample("model_on_cpu", float(level), at=at),))


def _cards(seen: Seen, args: Args) -> Inventory:
    """Raises ProbeError where nobody knows whether there is a card."""
    if not seen.raws:
        raise ProbeError(seen.trouble or say("the evidence is empty"))
    found = unpack(seen.raws, Inventory)
    trouble = trouble_of(found)
    if trouble is not None and not args.gpu.expected:
        raise ProbeError(trouble)
    return found


def _loaded(seen: Seen, args: Args) -> tuple[Model | None, Message | None]:
    """The configured model as it is loaded; where it is not, `None`, with the reason if that is not known."""
    if seen.trouble is not None:
        return None, seen.trouble
    asked = unpack(seen.raws, Asked)
    models = models_of(asked.ps)
    if models is None:
        return None, None if asked.tags.refused else ollama_api.no_list(asked.ps or asked.tags)
    return named(models, args.ollama.model), None


def _resting(log: Seen, silence: Message | None, at: float) -> Reading:
    """No model is loaded, or it is not known: only the log may tell where it was."""
    fell_back = log.reading.facts.get("cpu_fallback") is True
    not_loaded = say("the model is not loaded: where it is computed shows with the next question")
    why = dict.fromkeys(("model_on_cpu", "cause"), silence or not_loaded)
    if fell_back:
        proofs = log.reading.evidence.get("cpu_fallback", ())
        line = proofs[0].text[:200] if proofs else ""
        why["model_on_cpu"] = say("its log says: {line}", line=line)
        samples: tuple[Sample, ...] = (Sample("model_on_cpu", 1.0, at=at),)
        return Reading(as_facts(Facts(True)), {"model_on_cpu": proofs}, why, samples)
    samples = (Sample("model_on_cpu", None, at=at),) if silence is not None else ()
    return Reading(as_facts(Facts()), {}, why, samples, () if silence is not None else (not_loaded,))


def _traces(found: Inventory, model: Model, seen: Mapping[str, Seen], zone: tzinfo, at: float) -> Traces:
    log, kernel = seen["ollama_log"], seen["kernel"]
    began = max((start for raw in log.raws for start in starts(raw.data, zone, at)), default=None)
    # What it said before its last start is over: it looks for cards each time it starts.
    told = [event for raw in log.raws for event in events(raw.data, raw.first_line, zone, at)]
    lines = [event.text for event in told if began is None or event.at is None or event.at >= began - 1]
    resumed, driver = _kernel_times(kernel, zone, at)
    return Traces(
        found,
        lines if log.raws else None,
        bool(resumed) if kernel.raws else None,
        max(driver, default=None),
        began,
        model,
    )


def _kernel_times(kernel: Seen, zone: tzinfo, at: float) -> tuple[list[float], list[float]]:
    """When the machine came back from sleep, and when the driver was loaded."""
    resumed, driver = list[float](), list[float]()
    for raw in kernel.raws:
        for line in raw.data.split(b"\n"):
            if b"PM: " not in line and b"NVRM: loading" not in line:
                continue
            opened = unwrap(line.decode("utf-8", "replace"), zone, at)
            if opened.at is not None and opened.at <= at:
                resumed += [opened.at] if _RESUMED.search(opened.text) else []
                driver += [opened.at] if _DRIVER.search(opened.text) else []
    return resumed, driver
