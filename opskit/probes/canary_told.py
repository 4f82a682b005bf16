"""What the canary met at each layer, in facts and words. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from opskit.logs.classify import meaning
from opskit.model.message import Message, say
from opskit.probes.canary_asks import Canary, spread
from opskit.probes.canary_astray import failed_alone, is_astray, is_other
from opskit.probes.canary_leg import Leg
from opskit.probes.endings_words import tells_of_upstream
from opskit.probes.latency_told import OWN_TROUBLE, broken, own_trouble, wrong_answer
from opskit.probes.standard_question import ENDS

_FAST_S = 0.35
_OVERLONG = 2
_SPARE = 2  # pieces beyond the limit that Ollama itself keeps: marks of the end
_KEPT_OPEN_S = 1.0
_SEEN_S = 0.1  # over which the pieces of an answer spread, for their coming together to be seen
_PRESSED = 0.25
_AT_ONCE_S = 0.005  # for all words of an answer; one of them takes a card longer


def facts_of(found: Canary, told: dict[str, Leg], max_tokens: int) -> dict[str, Any]:
    """Return the facts by name."""
    nginx, gateway, ollama = (told.get(layer) for layer in ("nginx", "gateway", "ollama"))
    # Where a layer is none for questions such as this one, the next one in is the outermost that tells.
    outermost = nginx if nginx is not None and (nginx.whole is not None or nginx.flows) else gateway or nginx
    spoke = _through(gateway, nginx)
    return {
        "answered": None if outermost is None else outermost.whole,
        "seen": _seen(told),
        "nginx_answered": nginx.whole if nginx else None,
        "nginx_began": nginx.began if nginx else None,
        "nginx_status": nginx.exchange.status if nginx else None,
        # What came through a layer came from all those behind it.
        "gateway_answered": _first_yes("whole", gateway, nginx),
        "gateway_began": _first_yes("began", gateway, nginx),
        "gateway_status": spoke.exchange.status if spoke else None,
        "ollama_answered": _first_yes("whole", ollama, gateway, nginx),
        "ollama_began": _first_yes("began", ollama, gateway, nginx),
        "ollama_status": ollama.exchange.status if ollama else None,
        "nginx_held_back": _held_back(nginx, gateway),
        "nginx_pressed": nginx is not None and _pressed(nginx),
        # What comes apart through Nginx came apart from the gateway; what does not may have been pressed by either.
        "gateway_held_back": _held_back(gateway, ollama) if gateway else _held_back(nginx, None),
        "unended": _unended(found),
        "silent": _silent(found),
        "only_thoughts": any(leg.pieces > 0 and leg.pieces == leg.thoughts for leg in (spoke, ollama) if leg),
        "overlong": _overlong(spoke, ollama, max_tokens),
        "refused_fast_status": _refused_fast(found),
        "nginx_astray": is_astray(found, told),
        "gateway_astray": is_other(found),
        "failed_alone": failed_alone(found),
        "retry_after": _retry_after(found),
        "reached_gateway": _reached(found),
        "vram_oom": meaning(found.ollama.error, "ERROR") == "vram-oom" if found.ollama else None,
        "first_token_s": outermost.first_s if outermost else None,
        "total_s": outermost.exchange.phases.get("total_s") if outermost and outermost.whole else None,
        "load_s": (found.ollama.load_s or 0.0) if found.ollama else 0.0,
    }


def _seen(told: dict[str, Leg]) -> bool | None:
    """Whether some layer answered; None where nobody was asked who would, or the words were still coming."""
    if any(leg.whole for leg in told.values()):
        return True
    if any(leg.flows for leg in told.values()) or all(leg.whole is None for leg in told.values()):
        return None
    return False


def _first_yes(what: str, own: Leg | None, *outer: Leg | None) -> bool | None:
    """True where it came through this layer or through one in front of it; else what this layer itself showed."""
    if any(leg is not None and getattr(leg, what) for leg in outer):
        return True
    return getattr(own, what) if own is not None else None


def _through(gateway: Leg | None, nginx: Leg | None) -> Leg | None:
    """The question that shows what the gateway says: the one put to it, else the one that came back through Nginx."""
    return gateway or (nginx if nginx is not None and nginx.began else None)


def _held_back(outer: Leg | None, inner: Leg | None) -> bool:
    """Whether pieces that are seen to come one by one further in come all at once one layer further out.

    A wait in front of the first piece says nothing: that is a queue.
    """
    if outer is None or inner is None or not outer.began or outer.flows:
        return False
    between, within = (spread(leg.first_s, leg.last_s, leg.pieces) for leg in (outer, inner))
    return between is not None and within is not None and within >= _SEEN_S and between < _PRESSED * within


def _pressed(leg: Leg) -> bool:
    """Whether several words came so close together as no model makes them; not which layer pressed them."""
    between = None if leg.flows else spread(leg.first_s, leg.last_s, leg.pieces)
    return between is not None and between < _AT_ONCE_S


def _unended(found: Canary) -> bool | None:
    """Whether the gateway said the last word and kept the stream open; None where opskit did not wait long for it."""
    asked = found.gateway or found.nginx
    if asked is None or not asked.chunks:
        return None
    if asked.finish not in ENDS or asked.done or not asked.exchange.timed_out:
        return False
    waited = asked.exchange.phases.get("total_s", 0.0) - (asked.last_token_s or 0.0)
    return True if waited >= _KEPT_OPEN_S else None


def _silent(found: Canary) -> bool | None:
    """Whether an answer ended well and held nothing, at Ollama itself.

    At the gateway the few tokens may have gone into thoughts that it does not pass on, whatever reason of the end it
    gives: where Ollama was not asked, or speaks, that cannot be told.
    """
    asked, ollama = found.gateway or found.nginx, found.ollama
    well = ollama is not None and ollama.exchange.status == 200 and not ollama.error
    if well and ollama is not None and ollama.told is not None and not ollama.pieces:
        return True
    ended = asked is not None and asked.exchange.status == 200 and asked.done and not asked.error
    return None if ended and asked is not None and not asked.chunks else False


def _overlong(spoke: Leg | None, ollama: Leg | None, max_tokens: int) -> bool | None:
    """Whether Ollama itself goes beyond its own limit; gateways may not pass on the one that they are given."""
    if ollama is not None and ollama.pieces:
        return ollama.pieces > max_tokens + _SPARE
    return None if spoke is not None and spoke.pieces > _OVERLONG * max_tokens else False


def _refused_fast(found: Canary) -> int | None:
    """The status of a refusal that came too fast for a model, unless it says that the model server was asked.

    None where only Nginx was asked, and refused: that may be its own word.
    """
    asked = found.gateway
    if asked is None:
        return 0 if found.nginx is not None and found.nginx.whole else None
    status = asked.exchange.status or 0
    fast = status >= 400 and asked.exchange.phases.get("total_s", 1.0) < _FAST_S
    return status if fast and not tells_of_upstream(asked.error) else 0


def _retry_after(found: Canary) -> bool:
    asked = found.gateway or found.nginx
    return asked is not None and "retry-after" in asked.exchange.headers


def _reached(found: Canary) -> bool | None:
    """Whether the gateway wrote of the question that Nginx was asked.

    An Nginx may give requests ids of its own, and a gateway may write when they end: no line is no proof.
    """
    own = found.ids.get("nginx", "")
    return True if own and any(own in line for line in found.logged or ()) else None


def reasons(found: Canary, told: dict[str, Leg], api_key_file: str | None) -> dict[str, Message]:
    """Return why a layer did not answer, by layer, the outermost first."""
    known = dict[str, Message]()
    for layer, asked in (("nginx", found.nginx), ("gateway", found.gateway)):
        if asked is not None and not told[layer].whole:
            own = asked.exchange.status in OWN_TROUBLE
            keyed = msgspec.structs.replace(asked, key_problem=found.key_problem)
            known[layer] = own_trouble(keyed, api_key_file) if own else broken(asked)
    if found.ollama is not None and not told["ollama"].whole:
        asked_there = found.ollama
        nothing = say("{url} answered 200 without a word of content", url=asked_there.exchange.url)
        known["ollama"] = wrong_answer(asked_there.exchange, asked_there.error) or nothing
    if not known:
        known[""] = say("there was no need to ask: the answer came in front of it")
    return known


def line_of(leg: Leg) -> str:
    """Return an exchange in one line, as evidence."""
    found = leg.exchange
    if found.status is None and found.failure is not None:
        return f"{found.failure.kind} at {found.failure.stage}: {found.failure.text}"
    first = "no word" if leg.first_s is None else f"first word after {leg.first_s:.2f} s"
    last = "" if leg.last_s is None else f", last after {leg.last_s:.2f} s"
    end = "complete" if leg.done else "not complete"
    return f"HTTP {found.status}, {first}{last}, {leg.pieces} pieces, {end}, {found.phases.get('total_s', 0):.2f} s"
