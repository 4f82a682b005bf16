"""The canary: a question of opskit's own on the users' way, followed through the layers until it is answered.

Logs tell of requests that have ended, and of a stuck one nothing. The canary is one whose beginning, way and patience
are known: the layer where it stops being answered is the layer that is at fault, or the one behind it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from datetime import datetime

import msgspec

from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import Message
from opskit.model.raw import Raw
from opskit.model.reading import Fact, Reading
from opskit.model.settings import Settings
from opskit.probes.address import stays_here
from opskit.probes.alone import alone
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.canary_asks import Canary, Way, walk
from opskit.probes.canary_leg import Leg, legs
from opskit.probes.canary_told import facts_of, line_of, reasons
from opskit.probes.log_tail import collect_log
from opskit.probes.secret import secret_of
from opskit.probes.standard_question import ROUTE, Question

_RECENT_S = 30.0
_NEEDED_S = 1.5
_LOG_BYTES = 1 << 20
_KEPT = 600


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked and where. `api_key_file` is a path or `$NAME`; a user's key is never used.

    `max_tokens` is short, and long enough to see whether an answer flows. `num_ctx` as in the probe `latency`. `log` is
    the gateway's, in which the canary is looked for.
    """

    nginx_url: str = ""
    gateway_url: str = ""
    ollama_url: str = ""
    model: str = "qwen3:32b"
    prompt: str = "Count from one to twenty in words."
    max_tokens: int = 8
    api_key_file: str | None = None
    key_header: str = "X-Api-Key"
    num_ctx: int | None = None
    log: str = ""


class Facts(msgspec.Struct, frozen=True):
    """A layer is `answered` where a whole answer with words came through it, `began` where the first word did.

    What came through Nginx came through the gateway and from Ollama as well. None: not asked, or opskit was turned away
    by its own key or limit, or the path leads elsewhere, or the words were still coming when opskit's time was over.
    `seen`: some layer answered, so the model can.

    `..._held_back`: all pieces came together at this layer, and apart at the one behind it; `nginx_pressed`: together,
    whatever happened behind it. `unended`: the answer said
    its last word, and the stream was not closed. `silent`: an answer of Ollama ended without a word; `only_thoughts`:
    it held only reasoning. `overlong`: Ollama made more than the tokens that it was asked for.
    `refused_fast_status`: with which the gateway turned the question away within a third of a second, which is too fast
    to have asked a model, and without a word of the model server; 0 where it did not. `reached_gateway`: its log names
    the canary that Nginx was asked with. `nginx_astray`: the gateway answered the question, and not through Nginx;
    `gateway_astray`: what stands at the gateway's address has no such route, or shows a web page, or speaks no HTTP.
    `failed_alone`: the gateway gave an error of its own, or broke off, with no word of the model server.
    `vram_oom`: Ollama itself said that the GPU's memory does not suffice.
    """

    answered: bool | None = None
    seen: bool | None = None
    nginx_answered: bool | None = None
    nginx_began: bool | None = None
    nginx_status: int | None = None
    gateway_answered: bool | None = None
    gateway_began: bool | None = None
    gateway_status: int | None = None
    ollama_answered: bool | None = None
    ollama_began: bool | None = None
    ollama_status: int | None = None
    nginx_held_back: bool | None = None
    nginx_pressed: bool | None = None
    gateway_held_back: bool | None = None
    unended: bool | None = None
    silent: bool | None = None
    only_thoughts: bool | None = None
    overlong: bool | None = None
    refused_fast_status: int | None = None
    nginx_astray: bool | None = None
    gateway_astray: bool | None = None
    failed_alone: bool | None = None
    retry_after: bool | None = None
    reached_gateway: bool | None = None
    vram_oom: bool | None = None
    first_token_s: float | None = None
    total_s: float | None = None
    load_s: float | None = None


class CanaryProbe(Probe[Args]):
    """Asks at most three times, each time further in, and never two at once, also of two opskits."""

    arguments = Args
    facts = Facts
    then = "users_answered"

    def defaults(self, settings: Settings) -> Args:
        """The configured addresses, model and key."""
        stack = settings.stack
        return Args(
            _route(stack.nginx.url),
            _route(stack.gateway.url),
            stack.ollama.url,
            stack.ollama.model,
            api_key_file=stack.gateway.api_key_file,
            key_header=stack.gateway.key_header,
            log=stack.gateway.log,
        )

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Ask, and look for the question in the gateway's log."""
        headers, problem = _key(args)
        way = Way(args.nginx_url, args.gateway_url, args.ollama_url, headers, stays_here(args.nginx_url))
        with alone(f"canary {args.nginx_url} {args.gateway_url}", deadline, _NEEDED_S):
            found = walk(Question(args.model, args.prompt, args.max_tokens), way, deadline, args.num_ctx)
        found = msgspec.structs.replace(found, logged=_logged(args.log, found.ids, deadline), key_problem=problem)
        return (pack("canary.json", found, redact(args.nginx_url)),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Say how far it came."""
        found, at = unpack(raws, Canary), now.timestamp()
        told = legs(found)
        facts = as_facts(Facts(**facts_of(found, told, args.max_tokens)))
        return Reading(facts, _evidence(facts, found, told, at), _why(facts, reasons(found, told, args.api_key_file)))


def _route(url: str) -> str:
    return url.rstrip("/") + ROUTE if url else ""


def _key(args: Args) -> tuple[dict[str, str], str]:
    """The header with the key, and what is wrong with it: the question goes out all the same, and is refused."""
    if not args.api_key_file:
        return {}, ""
    try:
        return {args.key_header: secret_of(args.api_key_file, os.environ)}, ""
    except ProbeError as reason:
        return {}, str(reason)


def _logged(path: str, ids: dict[str, str], deadline: Deadline) -> tuple[str, ...] | None:
    """The lines of the gateway's log about the questions; None where it cannot be read."""
    marks = [name.encode() for name in ids.values()]
    if not path:
        return None
    try:
        since = time.time() - _RECENT_S
        raws = collect_log(
            "gateway.log", path, since, lambda _line: None, Deadline(max(0.3, deadline.left)), _LOG_BYTES
        )
    except ProbeError:
        return None
    lines = (line for raw in raws for line in raw.data.split(b"\n") if any(mark in line for mark in marks))
    return tuple(redact(line.decode("utf-8", "replace"))[:_KEPT] for line in lines)


def _evidence(
    facts: dict[str, Fact], found: Canary, told: dict[str, Leg], at: float
) -> dict[str, tuple[Evidence, ...]]:
    lines = {layer: Evidence(leg.url, line_of(leg), at=at) for layer, leg in told.items()}
    every = tuple(lines.values())
    by_name = {name: _of_layer(name, lines) or every for name in facts}
    if found.ollama is not None:
        by_name["vram_oom"] = (Evidence(found.ollama.exchange.url, found.ollama.error, at=at),)
    if found.logged:
        by_name["reached_gateway"] = tuple(Evidence("gateway log", line, at=at) for line in found.logged[:2])
    return {name: pieces for name, pieces in by_name.items() if pieces}


def _of_layer(name: str, lines: dict[str, Evidence]) -> tuple[Evidence, ...]:
    layer = name.partition("_")[0]
    if layer in lines and not name.endswith("held_back"):
        return (lines[layer],)
    return ()


def _why(facts: dict[str, Fact], known: dict[str, Message]) -> dict[str, Message]:
    return {name: known[layer] for name, value in facts.items() if value is None and (layer := _layer(name, known))}


def _layer(name: str, known: dict[str, Message]) -> str:
    """Which layer's reason explains that a fact is missing: its own, else that of the outermost one."""
    own = name.partition("_")[0]
    return own if own in known else next(iter(known), "")
