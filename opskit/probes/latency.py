"""How long an answer takes: the standard question through the gateway, and for the check through the other layers too.

Ollama is asked first: where the model has to be loaded, that is told as what it is, and the gateway's time is that of a
loaded model, which can be compared. Where layers are not asked (a diagnosis is in a hurry), the gateway alone is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.address import stays_here
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.exchange import Target
from opskit.probes.latency_layers import Layer, Layers, basis_of, layer_notes, layer_reasons, layer_samples
from opskit.probes.latency_told import OWN_TROUBLE, broken, line_of, own_trouble
from opskit.probes.ollama_question import put_to_ollama
from opskit.probes.secret import secret_of
from opskit.probes.standard_question import ROUTE, Asked, Question, put

_PHASES = ("dns_s", "connect_s", "tls_s", "first_byte_s")
# Of the time that is left, so that a layer which hangs leaves enough for those after it.
_SHARE = {"ollama": 0.5, "gateway": 0.7, "nginx": 1.0}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of whom. `api_key_file` is a path or `$NAME`; without it the question goes out without a key.

    `layers` are asked beside the gateway, one after the other: the model answers one question at a time. `num_ctx` is
    the context length that the gateway asks Ollama for, where it sets one of its own.
    """

    url: str = ""
    model: str = "qwen3:32b"
    prompt: str = "Count from one to twenty in words."
    max_tokens: int = 16
    api_key_file: str | None = None
    key_header: str = "X-Api-Key"
    layers: tuple[Layer, ...] = ()
    num_ctx: int | None = None
    ollama_url: str = ""
    nginx_url: str = ""


class Facts(msgspec.Struct, frozen=True):
    """`answered`: a whole answer with content came. None where opskit's own key or limit stood in the way.

    `seen` is True where `answered` is; False says nothing by itself.
    """

    answered: bool | None = None
    seen: bool | None = None
    refused: bool | None = None
    timed_out: bool | None = None
    status: int | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    chunks: int | None = None


class LatencyProbe(Probe[Args]):
    """Asks the standard question and listens to the stream."""

    arguments = Args
    facts = Facts
    metrics = frozenset(
        {"answered", "first_token_s", "total_s", *_PHASES}
        | {"layer_answered", "added_s", "load_s", "queue_s", "prompt_s", "token_s", "tokens_per_s"}
    )

    def defaults(self, settings: Settings) -> Args:
        """The gateway's OpenAI route with the configured model and key."""
        stack = settings.stack
        return Args(
            stack.gateway.url.rstrip("/") + ROUTE,
            stack.ollama.model,
            api_key_file=stack.gateway.api_key_file,
            key_header=stack.gateway.key_header,
            ollama_url=stack.ollama.url,
            nginx_url=stack.nginx.url.rstrip("/") + ROUTE,
        )

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Ask once at each layer, inside out; a failure is evidence."""
        deadline.enter(say("read the API key"))
        headers, key_problem = dict[str, str](), ""
        if args.api_key_file:
            try:
                headers[args.key_header] = secret_of(args.api_key_file, os.environ)
            except ProbeError as reason:  # the question goes out all the same: whether it is refused tells something
                key_problem = str(reason)
        question = Question(args.model, args.prompt, args.max_tokens)
        ollama = (
            put_to_ollama(question, args.ollama_url, _part(deadline, "ollama"), args.num_ctx)
            if "ollama" in args.layers
            else None
        )
        own = _part(deadline, "gateway") if args.layers else deadline
        asked = msgspec.structs.replace(put(question, Target(args.url, headers=headers), own), key_problem=key_problem)
        raws = (pack("latency.json", asked, asked.exchange.url),)
        if not args.layers:
            return raws
        nginx = None
        if "nginx" in args.layers and asked.whole and deadline.left:
            target = Target(args.nginx_url, headers=headers, verify=not stays_here(args.nginx_url))
            nginx = put(question, target, _part(deadline, "nginx"))
        return (*raws, pack("latency-layers.json", Layers(ollama, nginx), redact(args.ollama_url)))

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Tell a whole answer from a broken one, and both from opskit's own trouble."""
        asked, at = unpack(raws, Asked), now.timestamp()
        layers = unpack(raws[1:], Layers) if len(raws) > 1 else Layers()
        if asked.exchange.status in OWN_TROUBLE:
            return _in_own_way(asked, args, at)
        found, whole = asked.exchange, asked.whole
        facts = Facts(
            answered=whole,
            seen=whole,
            refused=found.refused,
            timed_out=found.timed_out,
            status=found.status,
            first_token_s=asked.first_token_s,
            total_s=found.phases.get("total_s") if whole else None,
            chunks=asked.chunks,
        )
        basis = basis_of(asked, layers)
        samples = [msgspec.structs.replace(sample, basis=basis) for sample in _samples(asked, layers, at)]
        line = Evidence(found.url, line_of(asked), at=at)
        why = {} if whole else dict.fromkeys(("answered", "status", "first_token_s", "total_s"), broken(asked))
        why |= layer_reasons(layers)
        notes = tuple(layer_notes(layers))
        return Reading(as_facts(facts), dict.fromkeys(as_facts(facts), (line,)), why, tuple(samples), notes)


def _samples(asked: Asked, layers: Layers, at: float) -> list[Sample]:
    samples = [Sample("answered", float(asked.whole), at=at)]
    phases = asked.exchange.phases
    if asked.whole:
        samples.append(Sample("first_token_s", asked.first_token_s, "s", at=at))
        samples.append(Sample("total_s", phases.get("total_s"), "s", at=at))
        samples += [Sample(name, phases[name], "s", at=at) for name in _PHASES if name in phases]
    return [*samples, *layer_samples(asked, layers, at)]


def _in_own_way(asked: Asked, args: Args, at: float) -> Reading:
    """opskit was turned away itself: nothing was seen, and nothing is said about users."""
    facts = Facts(seen=False, refused=False, timed_out=False, status=asked.exchange.status)
    reason = own_trouble(asked, args.api_key_file)
    why = dict.fromkeys(("answered", "first_token_s", "total_s", "chunks"), reason)
    line = (Evidence(asked.exchange.url, line_of(asked), at=at),)
    return Reading(as_facts(facts), {"status": line}, why, (Sample("answered", None, at=at),))


def _part(deadline: Deadline, layer: str) -> Deadline:
    return Deadline(max(0.001, deadline.left * _SHARE[layer]))
