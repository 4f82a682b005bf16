"""Whether a full card is one that works: NVML's memory joined with what Ollama says it has loaded.

A model that fits fills its card, and that is what the card is for. It is another matter where a part of the model went
to the CPU (`size_vram` below `size`: answers are slow without any error), where strangers hold memory, or where a
runner does so that Ollama does not know any more (ollama#8962, #9016).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.reading import Fact, Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes import gpu, ollama_api
from opskit.probes.answer import unpack
from opskit.probes.base import ProbeError, as_facts
from opskit.probes.gpu_inventory import Card, Inventory, used_pct
from opskit.probes.gpu_shares import Shares
from opskit.probes.gpu_tenants import (
    elsewhere,
    gigabytes,
    is_served,
    listed_bytes,
    loaded,
    people,
    runners,
    strangers,
)
from opskit.probes.gpu_trouble import trouble_of
from opskit.probes.joint import JointProbe, Part, Seen
from opskit.probes.ollama_api import Asked, Model, models_of, no_list


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`foreign_pct`: above this share of a card, what strangers hold explains that it is full."""

    gpu: gpu.Args = gpu.Args()
    ollama: ollama_api.Args = ollama_api.Args()
    foreign_pct: float = 10.0


class Facts(msgspec.Struct, frozen=True):
    """`spilled_pct` is the largest share of a loaded model outside GPU memory; `foreign_bytes` are of all cards."""

    spilled_pct: float | None = None
    foreign_bytes: float | None = None
    foreign_who: str | None = None
    orphan_runners: int | None = None


class GpuMemoryProbe(JointProbe[Args]):
    """Joins the cards with /api/ps."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"memory_explained", "foreign_vram_pct", "spilled_pct", "orphan_runners"})

    def defaults(self, settings: Settings) -> Args:
        """Those of the two parts."""
        return Args(gpu.GpuProbe().defaults(settings), ollama_api.OllamaApiProbe().defaults(settings))

    def parts(self, args: Args) -> tuple[Part, ...]:
        """Ollama first: who asks for the cards alone has asked them meanwhile."""
        ollama = Part("ollama", ollama_api.OllamaApiProbe(), args.ollama)
        return ollama, Part("gpu", gpu.GpuProbe(), args.gpu)

    def join(self, seen: Mapping[str, Seen], args: Args, now: datetime) -> Reading:
        """Say of each card whether the models explain that it is full."""
        shares = _shares(seen, args.ollama.model, now.timestamp())
        spilled = shares.worst_pct
        samples: list[Sample] = []
        why: dict[str, Message] = {}
        for card in shares.cards:
            foreign, pct = shares.foreign(card), used_pct(card)
            if foreign is None or card.memory is None or pct is None:
                continue
            share = round(foreign / card.memory.total * 100, 2)
            explained, reason = _explained(card, shares, share > args.foreign_pct)
            samples += _samples(card.label, explained, share, shares.at)
            why[f"memory_explained {card.label}"] = reason
            used, total = gigabytes(card.memory.used), gigabytes(card.memory.total)
            amount = say("{pct} %, {used} of {total} GB", pct=round(pct, 1), used=used, total=total)
            why[f"memory_used_pct {card.label}"] = say("{amount}; {reason}", amount=amount, reason=reason)
        if shares.models is None or shares.models:
            samples.append(Sample("spilled_pct", spilled, "%", at=shares.at, low=0, high=100))
        if shares.orphans is not None:
            samples.append(Sample("orphan_runners", float(shares.orphans), at=shares.at, low=0))
        return Reading(_facts(shares, spilled), _evidence(shares), why | _reasons(shares), tuple(samples))


def _shares(seen: Mapping[str, Seen], wanted: str, at: float) -> Shares:
    """Raises ProbeError where the cards cannot be seen."""
    trouble = seen["gpu"].trouble
    if trouble is not None:
        raise ProbeError(trouble)
    found = unpack(seen["gpu"].raws, Inventory)
    nothing = trouble_of(found)
    if nothing is not None:
        raise ProbeError(nothing)
    cards = [card for card in found.gpus if card.lost is None]
    models, silence = _listed(seen["ollama"], cards, at)
    wrong = elsewhere(found.gpus, models or ())
    # What is not on these cards explains nothing of them.
    return Shares(cards, models if wrong is None else None, wrong or silence, at, wanted)


def _listed(seen: Seen, cards: list[Card], at: float) -> tuple[list[Model] | None, Message | None]:
    """What is loaded. Where nothing listens, nothing is served, so nothing is loaded that anybody could use.

    Unless a runner still has its server: that one listens elsewhere, and what it lists is not known.
    """
    if seen.trouble is not None:
        return None, seen.trouble
    asked = unpack(seen.raws, Asked)
    if asked.tags.refused:
        return (None, no_list(asked.tags)) if any(is_served(one) for one in runners(cards, at)) else ([], None)
    models = models_of(asked.ps)
    if models is None:
        return None, no_list(asked.ps if asked.ps is not None else asked.tags)
    return models, None


def _explained(card: Card, shares: Shares, crowded: bool) -> tuple[bool, Message]:
    """Whether nothing but models that fit holds the card, and the sentence that says what does."""
    others = strangers(card)
    if crowded:
        held = gigabytes(shares.foreign(card) or 0)
        return False, say("{held} GB are held by others than Ollama: {who}", held=held, who=people(others))
    if shares.models is None:
        return False, _silence(shares)
    if shares.orphans:
        return False, _orphans(shares)
    if shares.spilled:
        return False, _spilled(shares)
    here = loaded(shares.models)
    if not here:
        return False, say("Ollama has no model in GPU memory")
    names = ", ".join(model.name or model.model for model in here[:3])
    size = gigabytes(listed_bytes(here))
    return True, say("{names} lies wholly in GPU memory with {size} GB: full, and in order", names=names, size=size)


def _samples(label: str, explained: bool, foreign_pct: float, at: float) -> list[Sample]:
    labels = {"gpu": label}
    share = Sample("foreign_vram_pct", foreign_pct, "%", labels, at, 0, 100)
    return [Sample("memory_explained", float(explained), "", labels, at), share]


def _spilled(shares: Shares) -> Message:
    _, model = shares.spilled[-1]
    return say(
        "of {name} only {vram} of {size} GB are in GPU memory, the rest is on the CPU; its context is {context}",
        name=model.name or model.model,
        vram=gigabytes(model.size_vram or 0),
        size=gigabytes(model.size),
        context=model.context_length or say("unknown"),
    )


def _silence(shares: Shares) -> Message:
    return say("what Ollama has loaded here is not known: {why}", why=shares.silence or say("no answer"))


def _orphans(shares: Shares) -> Message:
    found, models = runners(shares.cards, shares.at), len(shares.models or ())
    return say(
        "{n} runners of Ollama hold GPU memory, and it lists {m} models: {who}",
        n=len(found),
        m=models,
        who=people(found),
    )


def _facts(shares: Shares, spilled: float | None) -> dict[str, Fact]:
    foreign = [bytes_ for card in shares.cards if (bytes_ := shares.foreign(card)) is not None]
    others = [process for card in shares.cards for process in strangers(card)]
    who = str(people(others)) if others else ""
    return as_facts(Facts(spilled, sum(foreign) if foreign else None, who, shares.orphans))


def _reasons(shares: Shares) -> dict[str, Message]:
    why: dict[str, Message] = {}
    if shares.models is None:
        why |= dict.fromkeys(("spilled_pct", "orphan_runners"), _silence(shares))
    elif shares.spilled:
        why["spilled_pct"] = _spilled(shares)
    elif shares.worst_pct is None:
        why["spilled_pct"] = say("Ollama does not say how much of its models is in GPU memory")
    if shares.orphans:
        why["orphan_runners"] = _orphans(shares)
    if all(card.memory is None for card in shares.cards):
        why["foreign_bytes"] = say("no GPU tells it")
    return why


def _evidence(shares: Shares) -> dict[str, tuple[Evidence, ...]]:
    listed = "; ".join(
        f"{model.name or model.model} {model.size_vram} of {model.size} bytes" for model in (shares.models or ())[:8]
    )
    held = "; ".join(f"{card.label}: {people(card.processes)}" for card in shares.cards if card.processes)
    return {
        "spilled_pct": (Evidence("GET /api/ps", listed or "no model", field="models[].size_vram", at=shares.at),),
        "foreign_bytes": (Evidence("NVML", held or "no processes", field="processes", at=shares.at),),
    }
