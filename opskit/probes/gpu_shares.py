"""Whose memory it is: the cards beside the models that Ollama lists. What gpu_memory judges."""

from __future__ import annotations

import msgspec

from opskit.model.message import Message
from opskit.probes.gpu_inventory import Card
from opskit.probes.gpu_tenants import foreign_bytes, listed_bytes, loaded, runners, spilled_pct
from opskit.probes.ollama_api import Model, named

_WHOLE_PCT = 1.0


class Shares(msgspec.Struct, frozen=True):
    """What both sides tell: `models` None where Ollama does not say, and then `silence` is why."""

    cards: list[Card]
    models: list[Model] | None
    silence: Message | None
    at: float
    wanted: str = ""

    @property
    def worst_pct(self) -> float | None:
        """The largest share of a loaded model that is on the CPU; None where Ollama does not tell it."""
        if self.models is None:
            return None
        judged = self.judged
        known = [share for model in judged if (share := spilled_pct(model)) is not None]
        return max(known) if known else (None if judged else 0.0)

    @property
    def judged(self) -> list[Model]:
        """Models that somebody wants on the GPU: another one than the chat's may belong on the CPU as a whole."""
        models = self.models or []
        return [model for model in models if model.size_vram != 0 or named([model], self.wanted) is not None]

    @property
    def spilled(self) -> list[tuple[float, Model]]:
        """Loaded models with a part on the CPU, the worst last."""
        found = [(share, model) for model in self.judged if (share := spilled_pct(model)) is not None]
        return sorted(((share, model) for share, model in found if share >= _WHOLE_PCT), key=lambda one: one[0])

    def foreign(self, card: Card) -> float | None:
        """Bytes that others than Ollama hold of a card."""
        here = loaded(self.models or ())
        return foreign_bytes(card, self.cards, listed_bytes(here), len(here))

    @property
    def orphans(self) -> int | None:
        """Runners beyond those of the models that Ollama lists."""
        if self.models is None:
            return None
        return max(0, len(runners(self.cards, self.at)) - len(self.models))
