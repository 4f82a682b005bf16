"""The canary at one layer: what came back, and what opskit itself was in the way of. Pure."""

from __future__ import annotations

import msgspec

from opskit.probes.canary_asks import Canary
from opskit.probes.exchange_evidence import Exchange
from opskit.probes.latency_told import OWN_TROUBLE
from opskit.probes.ollama_question import OllamaAsked
from opskit.probes.standard_question import ENDS, Asked

ELSEWHERE = frozenset({*range(300, 400), 404, 405, 406, 411, 415, 421, 426, 501})
"""What a server answers that has no such path: that says nothing of the way that users take."""
_FLOWING = 3
_GAP_S = 0.3
_GAPS = 3


class Leg(msgspec.Struct, frozen=True):
    """A question at one layer. `whole` and `began` are None where opskit itself was in the way of an answer.

    `flows`: the words were still coming when opskit's time was over.
    """

    url: str
    exchange: Exchange
    whole: bool | None
    began: bool | None
    first_s: float | None
    last_s: float | None
    pieces: int
    thoughts: int
    done: bool
    flows: bool = False

    @property
    def spread_s(self) -> float | None:
        """From the first piece to the last; None for fewer pieces than tell anything."""
        known = self.first_s is not None and self.last_s is not None and self.pieces > _FLOWING
        return (self.last_s or 0.0) - (self.first_s or 0.0) if known else None


def legs(found: Canary) -> dict[str, Leg]:
    """Return what was asked, outermost first."""
    told = {
        "nginx": _leg(found.nginx) if found.nginx else None,
        "gateway": _leg(found.gateway) if found.gateway else None,
        "ollama": _ollama(found.ollama) if found.ollama else None,
    }
    return {layer: leg for layer, leg in told.items() if leg is not None}


def _leg(asked: Asked) -> Leg:
    found = asked.exchange
    # Thoughts that a gateway does not pass on may have used up the few tokens that were asked for.
    spent = found.status == 200 and asked.done and not asked.chunks and not asked.error
    untold = _is_unseen(asked) or spent
    flows = _flows(found, asked.first_token_s, asked.last_token_s, asked.chunks) and asked.finish not in ENDS
    return Leg(
        found.url,
        found,
        None if untold or flows else asked.whole,
        None if untold else asked.chunks > 0,
        asked.first_token_s,
        asked.last_token_s,
        asked.chunks,
        asked.thoughts,
        asked.done,
        flows,
    )


def _is_unseen(asked: Asked) -> bool:
    """Whether this was no look at what users get: opskit was turned away, or asked what does not answer such questions.

    A model that is missing is a 404 as well, and says so; a web page is an answer to something else.
    """
    found = asked.exchange
    if found.status in OWN_TROUBLE or (found.failure is not None and found.failure.kind == "certificate"):
        return True
    if found.status in ELSEWHERE:
        return found.status != 404 or "model" not in asked.error.lower()
    no_certificate = found.status == 400 and "ssl certificate" in asked.error.lower()
    return no_certificate or (found.status == 200 and not asked.chunks and _is_page(found))


def _is_page(found: Exchange) -> bool:
    return "html" in found.headers.get("content-type", "").lower()


def _flows(found: Exchange, first_s: float | None, last_s: float | None, pieces: int) -> bool:
    """Whether the time ran out between two words, as it does with a slow model, and not in a silence behind them."""
    if not found.timed_out or first_s is None or last_s is None or pieces < _FLOWING:
        return False
    usual = (last_s - first_s) / (pieces - 1)
    return found.phases.get("total_s", last_s) - last_s <= max(_GAP_S, _GAPS * usual)


def _ollama(asked: OllamaAsked) -> Leg:
    flows = _flows(asked.exchange, asked.first_token_s, asked.last_token_s, asked.pieces)
    return Leg(
        asked.exchange.url,
        asked.exchange,
        None if flows else asked.whole,
        asked.first_token_s is not None,
        asked.first_token_s,
        asked.last_token_s,
        asked.pieces,
        asked.thoughts,
        asked.told is not None,
        flows,
    )
