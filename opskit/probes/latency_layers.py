"""What each layer adds to the time of an answer: the same question straight to Ollama, to the gateway, through Nginx.

Each layer's own part is a series of its own, so that the judgement says which of them became slower: the model's
computing and the waiting in its queue by Ollama's own account, the gateway and Nginx by what the next question inwards
took less. Loading is left out: a cold start is no fault of a layer, and is a series of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.exchange_evidence import Exchange
from opskit.probes.latency_told import OWN_TROUBLE, broken, wrong_answer
from opskit.probes.ollama_question import OllamaAsked
from opskit.probes.standard_question import Asked

Layer = Literal["ollama", "nginx"]
# Two answers are never equally fast: what a layer adds can come out below zero, and a series wants positive values.
_LEAST_S = 0.001
_NOT_A_FAULT = OWN_TROUBLE | {*range(300, 400), 400, 404, 405, 406, 411, 415, 421, 426}
_ELSEWHERE = frozenset({"dns", "certificate", "tls", "protocol"})
# Other questions were in front of it: then they are in front of the next question too, or just no longer.
_WAITED_S = 1.0
_AS_LONG = 1.5


class Layers(msgspec.Struct, frozen=True):
    """The evidence beside the question to the gateway."""

    ollama: OllamaAsked | None = None
    nginx: Asked | None = None


def basis_of(asked: Asked, layers: Layers) -> str:
    """Return what the values were measured with: those of another model, version or length are not compared.

    Half an account is none: a question about the version that fails once must not begin a new series.
    """
    ollama = layers.ollama
    if ollama is None or not (ollama.whole and ollama.digest and ollama.version):
        return ""
    parts = [
        f"model {ollama.digest}",
        f"Ollama {ollama.version}",
        f"context {ollama.context}" if ollama.context else "",
        # An answer that ends by itself is shorter than the others.
        "short answers" if asked.finish == "stop" else "",
    ]
    return ", ".join(part for part in parts if part)


def layer_samples(asked: Asked, layers: Layers, at: float) -> Iterator[Sample]:
    """Yield what is known of each layer; what could not be asked yields nothing."""
    for layer, answered in (("ollama", _ollama_answered(layers.ollama)), ("nginx", _nginx_answered(layers.nginx))):
        if answered is not None:
            yield Sample("layer_answered", float(answered), labels={"layer": layer}, at=at)
    for layer, seconds in _added(asked, layers):
        yield Sample("added_s", round(max(_LEAST_S, seconds), 6), "s", {"layer": layer}, at)
    told = layers.ollama
    if told is None or not told.whole:
        return
    for metric, value in (("load_s", told.load_s), ("queue_s", told.queue_s), ("prompt_s", told.prompt_s)):
        if value is not None:
            yield Sample(metric, round(value, 6), "s", at=at)
    if told.token_s is not None:
        yield Sample("token_s", round(told.token_s, 6), "s", at=at)
        yield Sample("tokens_per_s", round(1 / told.token_s, 3), at=at)


def layer_notes(layers: Layers) -> Iterator[Message]:
    """Yield why a layer is not measured, and that the model had to be loaded."""
    ollama, nginx = layers.ollama, layers.nginx
    if ollama is not None and not ollama.whole and _ollama_answered(ollama) is None:
        yield say("not measured straight from Ollama: {why}", why=_no_answer(ollama))
    elif ollama is not None and ollama.cold and ollama.loaded_before:
        yield say(
            "the model was loaded, and yet loading took {seconds} s: where the gateway asks for a context length of "
            "its own, set it as num_ctx under `with` of this check, or each question loads the model again",
            seconds=f"{ollama.load_s:.1f}",
        )
    elif ollama is not None and ollama.cold:
        yield say("the model was not loaded: loading took {seconds} s", seconds=f"{ollama.load_s:.1f}")
    if ollama is not None and ollama.whole and _waited(ollama):
        yield say(
            "other questions were waiting in Ollama for {seconds} s: what the gateway and Nginx add is not told apart",
            seconds=f"{ollama.queue_s:.1f}",
        )
    if nginx is not None and not nginx.whole and _nginx_answered(nginx) is None:
        yield say("not measured through Nginx: {why}", why=broken(nginx))


def layer_reasons(layers: Layers) -> dict[str, Message]:
    """Return why a layer did not answer, by series."""
    found = dict[str, Message]()
    if layers.ollama is not None and not layers.ollama.whole:
        found["layer_answered ollama"] = _no_answer(layers.ollama)
    if layers.nginx is not None and not layers.nginx.whole:
        found["layer_answered nginx"] = broken(layers.nginx)
    return found


def _added(asked: Asked, layers: Layers) -> Iterator[tuple[str, float]]:
    gateway, ollama, nginx = asked.exchange.phases.get("total_s"), layers.ollama, layers.nginx
    if not asked.whole or gateway is None:
        return
    busy = ollama is not None and _waited(ollama)
    if ollama is not None and ollama.whole:
        if ollama.prompt_s is not None and ollama.decode_s is not None:
            yield "model", ollama.prompt_s + ollama.decode_s
        if ollama.queue_s is not None:
            yield "queue", ollama.queue_s
        if not busy and _as_long(asked.chunks, (ollama.told.eval_count if ollama.told else None) or 0):
            yield "gateway", gateway - (ollama.exchange.phases.get("total_s", gateway) - (ollama.load_s or 0.0))
    through = None if nginx is None or not nginx.whole else nginx.exchange.phases.get("total_s")
    if nginx is not None and through is not None and not busy and _as_long(nginx.chunks, asked.chunks):
        yield "nginx", through - gateway


def _waited(ollama: OllamaAsked) -> bool:
    return (ollama.queue_s or 0.0) > _WAITED_S


def _as_long(chunks: int, inside: int) -> bool:
    """False where an answer is longer than the one further in: some gateways pay no heed to the length asked for.

    Every piece holds one token at least; where the inner count is unknown, or all came as one piece, nobody can tell.
    """
    return inside <= 1 or chunks <= _AS_LONG * inside


def _ollama_answered(asked: OllamaAsked | None) -> bool | None:
    """None where it was not asked, and where the address may be another one than the gateway's."""
    if asked is None or _cannot_tell(asked.exchange):
        return None
    failure = asked.exchange.failure
    return None if failure is not None and failure.stage == "connect to" else asked.whole


def _nginx_answered(asked: Asked | None) -> bool | None:
    """None also where Nginx does not lead to the gateway at this path, or its certificate is not for this name."""
    return None if asked is None or _cannot_tell(asked.exchange) else asked.whole


def _cannot_tell(found: Exchange) -> bool:
    """Whether the question went where it is not answered at all: that says nothing about the layer."""
    if found.status is not None:
        return found.status in _NOT_A_FAULT
    return found.failure is not None and found.failure.kind in _ELSEWHERE


def _no_answer(asked: OllamaAsked) -> Message:
    wrong = wrong_answer(asked.exchange, asked.error)
    if wrong is None and asked.empty:
        return say("{url} answered 200 without a word of content", url=asked.exchange.url)
    return wrong or say("the stream of {url} broke off without its end", url=asked.exchange.url)
