"""Who holds the memory of the cards: the runners of Ollama, and everybody else, as far as NVML and /proc tell.

The amounts decide, the names only explain: NVML's figure for the card less what Ollama lists is the upper bound of what
strangers can hold, so a runner under an unknown name is never taken for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from opskit.logs.redact import redact
from opskit.model.message import Message, say
from opskit.probes.gpu_inventory import Card, Process
from opskit.probes.ollama_api import Model

_OURS = "ollama"
_CONTEXT_BYTES = 1 << 30  # of CUDA, for each model on each card: listed nowhere, and counted as used by NVML
_SHOWN = 3
RUNNER_BYTES = 1 << 30
"""What holds less than this is no runner worth a word."""
SETTLED_S = 120.0
"""A runner that is younger may still be loading, or its predecessor unloading."""


def is_runner(process: Process) -> bool:
    """Whether Ollama has started it: `ollama runner`, or since 0.30 a llama-server below Ollama or from its folder."""
    folders = PurePosixPath(process.program or "").parts
    names = (process.name or "", process.parent or "", folders[-1] if folders else "")
    return any(name.lower().startswith(_OURS) for name in names) or ("lib", _OURS) in pairwise(folders)


def is_served(runner: Process) -> bool:
    """Whether the server that has started a runner still runs: else the runner would be somebody else's child."""
    return (runner.parent or "").lower().startswith(_OURS)


def strangers(card: Card) -> list[Process]:
    """The processes on a card that Ollama has not started, the largest first."""
    found = [process for process in card.processes or () if not is_runner(process)]
    return sorted(found, key=lambda process: -(process.used or 0))


def foreign_bytes(card: Card, cards: Sequence[Card], listed: int, models: int) -> float | None:
    """What others than Ollama hold of a card's memory; None where the card does not tell its memory.

    `listed` are the bytes that Ollama says its `models` have in GPU memory, on all cards together.
    """
    if card.memory is None:
        return None
    used = sum(one.memory.used for one in cards if one.memory is not None)
    context = _CONTEXT_BYTES * max(1, models) * len(cards)
    rest, likely = max(0, used - listed), max(0, used - listed - context)
    if card.processes is None:
        # Nobody is named: what is left is theirs, in proportion where there are several cards.
        return likely * card.memory.used / used if used > 0 else 0.0
    others = strangers(card)
    if any(process.used is None for process in others):
        return float(min(likely, card.memory.used))
    return float(min(rest, sum(process.used or 0 for process in others)))


def runners(cards: Iterable[Card], at: float) -> list[Process]:
    """The runners that hold a considerable part of some card, and have done so for a while; each once."""
    found: dict[int, Process] = {}
    for card in cards:
        for process in card.processes or ():
            settled = process.started_at is not None and at - process.started_at >= SETTLED_S
            if is_runner(process) and settled and (process.used or 0) >= RUNNER_BYTES:
                found[process.pid] = process
    return list(found.values())


def loaded(models: Iterable[Model]) -> list[Model]:
    """The models that have a part in GPU memory."""
    return [model for model in models if (model.size_vram or 0) > 0]


def listed_bytes(models: Iterable[Model]) -> int:
    """What Ollama says its models have in GPU memory, all together."""
    return sum(max(0, model.size_vram or 0) for model in models)


def elsewhere(cards: Sequence[Card], models: Iterable[Model]) -> Message | None:
    """Say where Ollama lists more GPU memory than is in use: another host's, or none at all (ollama#8623)."""
    held = [card.memory.used for card in cards if card.memory is not None]
    listed = listed_bytes(models)
    if len(held) < len(cards) or not cards or any(card.lost for card in cards) or listed <= sum(held) + _CONTEXT_BYTES:
        return None
    return say(
        "Ollama says that {listed} GB are in GPU memory, and the GPUs of this host use {held} GB: it runs elsewhere, or"
        " CUDA failed without a word",
        listed=gigabytes(listed),
        held=gigabytes(sum(held)),
    )


def spilled_pct(model: Model) -> float | None:
    """The share of a model that is not in GPU memory; None where its sizes make no sense (`ollama ps`: Unknown)."""
    if model.size_vram is None or model.size <= 0 or not 0 <= model.size_vram <= model.size:
        return None
    return round(100 - model.size_vram / model.size * 100, 2)


def people(processes: Sequence[Process]) -> Message:
    """Name processes for a person: who, which, how much."""
    if not processes:
        return say("processes that cannot be listed")
    shown = "; ".join(_person(process) for process in processes[:_SHOWN])
    rest = len(processes) - _SHOWN
    return say("{shown} and {n} more", shown=shown, n=rest) if rest > 0 else say("{shown}", shown=shown)


def _person(process: Process) -> str:
    words = [f"pid {process.pid}", *([process.user] if process.user else [])]
    words += [f"{gigabytes(process.used)} GB"] if process.used is not None else []
    return f"{redact(process.name) if process.name else '?'} ({', '.join(words)})"


def gigabytes(amount: float) -> str:
    """As Ollama counts them: 1 GB is 10^9 bytes."""
    return f"{amount / 1e9:.1f}"
