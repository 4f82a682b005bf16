"""Where the layers of a model go: as many to the card as fit, the rest to the CPU, and what that costs."""

from __future__ import annotations

import msgspec

from opskit.lab.ollama.card import Card
from opskit.lab.ollama.settings import Model, Settings

LAYERS = 65  # of qwen3:32b, the output layer included
_LEAST_SHARE = 0.1  # less is not worth a card
_CPU_COST = 14.0  # a token on the CPU alone takes that many times longer, on top of the one
_WEIGHTS_SHARE = 0.98  # of the file: the embedding stays in main memory


class Placement(msgspec.Struct, frozen=True):
    """A decision for one load, sizes in bytes."""

    layers: int
    size: int
    fits: bool  # otherwise the card has no room worth the name, and the config decides

    @property
    def size_vram(self) -> int:
        """What goes to the card."""
        return self.size if self.layers == LAYERS else self.size * self.layers // LAYERS

    @property
    def slowdown(self) -> float:
        """How much longer a token takes than on the card alone."""
        return 1.0 + _CPU_COST * (1.0 - self.layers / LAYERS)


def place(model: Model, context: int, num_gpu: int, settings: Settings, card: Card | None, ours: int) -> Placement:
    """Decide for a model whose slots have `context` tokens each; `num_gpu` below 0 means as many layers as fit.

    `card` is None for a card with room for everything, `ours` what our other runners have on it.
    """
    cache = settings.kv_bytes_per_token * context * settings.num_parallel
    size = int(model.size_bytes * _WEIGHTS_SHARE) + cache
    if card is None:
        fitting = LAYERS
    elif not card.present:
        fitting = 0
    else:
        fitting = min(LAYERS, LAYERS * card.free(ours) // size)
    enough = fitting >= _LEAST_SHARE * LAYERS
    wanted = fitting if num_gpu < 0 else min(num_gpu, fitting)
    return Placement(wanted if enough else 0, size, enough or num_gpu == 0)
