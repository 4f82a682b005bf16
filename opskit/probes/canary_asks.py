"""The way of the canary: through Nginx, and where that tells too little, straight to the gateway, then to Ollama.

One question at a time. One that does not begin to be answered in time is hung up on before the next is asked: every
server on the way learns of that, so a canary never holds two places in the queue that users stand in.
"""

from __future__ import annotations

import time

import msgspec

from opskit.model.message import Message, say
from opskit.probes.base import Deadline
from opskit.probes.exchange import Target
from opskit.probes.latency_told import OWN_TROUBLE
from opskit.probes.ollama_question import OllamaAsked, put_to_ollama
from opskit.probes.runner_process import runners
from opskit.probes.standard_question import ENDS, Asked, Moment, Question, own_id, put

# How long the first word may take at each layer, as a share of the time that is left: the promise to users is 1.2 s.
_FIRST_SHARE = {"nginx": 0.5, "gateway": 0.6, "ollama": 1.0}
# After the last word an end mark follows at once, or not at all; what stands in the way may be busy for a moment.
_END_S = {"nginx": 0.5, "gateway": 1.2, "ollama": 0.5}
# A stream that is not closed is only seen by waiting for its end; nothing else gets this share of the time.
_TAIL = 0.22
_RESERVE_S = 0.1
_INNER_S = 0.7
_LONG = 2
_PIECES = 4
_AT_ONCE_S = 0.06
_NOTICED_S = 0.15


class Canary(msgspec.Struct, frozen=True):
    """The evidence: what was asked, outermost first; None where there was no need to, or no time.

    `ids` are the request ids by layer, `logged` the lines of the gateway's log that name one of them.
    """

    nginx: Asked | None = None
    gateway: Asked | None = None
    ollama: OllamaAsked | None = None
    ids: dict[str, str] = {}
    logged: tuple[str, ...] | None = None
    key_problem: str = ""


class Way(msgspec.Struct, frozen=True):
    """Where to ask; `headers` carry opskit's own key, `trust_any` is for an Nginx asked by its local address."""

    nginx: str
    gateway: str
    ollama: str
    headers: dict[str, str]
    trust_any: bool = False


class _Patience(Deadline):
    """Waits so long for the first word; after it, as long as the whole has time; after the last word, a moment.

    An answer that is longer than was asked for leaves time for the question further in, which shows whose doing it is.
    """

    def __init__(self, whole: Deadline, first_s: float, end_s: float) -> None:
        super().__init__(first_s)
        self._whole = whole
        self._end_s = end_s
        self._own_end = time.monotonic() + first_s

    @property
    def left(self) -> float:
        return max(0.0, min(self._own_end - time.monotonic(), self._whole.left))

    @property
    def stage(self) -> Message:
        return self._whole.stage

    @stage.setter
    def stage(self, stage: Message) -> None:
        if hasattr(self, "_whole"):
            self._whole.stage = stage

    def heard(self, what: Moment) -> None:
        """Go on according to what has come."""
        words = _left(self._whole)
        waits = {
            "first": words - _RESERVE_S,
            "long": words - _INNER_S,
            "last": min(self._end_s, self._whole.left - _RESERVE_S),
        }
        self._own_end = time.monotonic() + waits[what]


def walk(question: Question, way: Way, deadline: Deadline, num_ctx: int | None = None) -> Canary:
    """Ask inwards until the answer tells enough; a failure is evidence. A layer without an address is passed over."""
    ids = {layer: own_id() for layer in ("nginx", "gateway")}

    def ask(layer: str, url: str, *, verify: bool = True) -> Asked:
        patience = _first(deadline, layer)
        target = Target(url, headers=way.headers, verify=verify)
        return put(question, target, patience, patience.heard, ids[layer])

    nginx = gateway = ollama = None
    if way.nginx:
        deadline.enter(say("ask the question through Nginx"))
        nginx = ask("nginx", way.nginx, verify=not way.trust_any)
    if way.gateway and _left(deadline) and _leads_on(nginx, question):
        deadline.stage = say("ask the question at the gateway")
        gateway = ask("gateway", way.gateway)
    inner = gateway or nginx
    if way.ollama and _left(deadline) and not (inner is not None and _tells_enough(inner)):
        deadline.stage = say("ask the question at Ollama")
        ollama = _ask_ollama(question, way.ollama, deadline, num_ctx)
    asked = {"nginx": nginx, "gateway": gateway}
    return Canary(nginx, gateway, ollama, {layer: ids[layer] for layer, found in asked.items() if found is not None})


def _ask_ollama(question: Question, url: str, deadline: Deadline, num_ctx: int | None) -> OllamaAsked | None:
    """Ask with the context that is in use: this question must not make Ollama load the model anew (sched.go).

    Where several are in use it is not known which one is the model's, and nothing is asked.
    """
    in_use = {one.context for one in runners(url)[0] if one.context}
    if num_ctx is None and len(in_use) > 1:
        return None
    patience = _first(deadline, "ollama")
    return put_to_ollama(question, url, patience, num_ctx or next(iter(in_use), None), patience.heard)


def _left(deadline: Deadline) -> float:
    """Seconds that remain for words, never negative."""
    return max(0.0, deadline.left - _TAIL * deadline.seconds)


def _first(deadline: Deadline, layer: str) -> _Patience:
    return _Patience(deadline, max(0.001, _left(deadline) * _FIRST_SHARE[layer]), _END_S[layer])


def _leads_on(nginx: Asked | None, question: Question) -> bool:
    """Whether the gateway is to be asked: Nginx's answer leaves something open, and the gateway may settle it.

    Not where it turned opskit itself away, and not where an answer flows and is too long: that is the model's doing.
    """
    if nginx is None:
        return True
    return not _tells_enough(nginx) and nginx.exchange.status not in OWN_TROUBLE and not is_long(nginx, question)


def is_long(asked: Asked, question: Question) -> bool:
    """Whether more came than was asked for, and no end."""
    return not asked.whole and asked.chunks > _LONG * question.max_tokens and asked.finish not in ENDS


def _tells_enough(asked: Asked) -> bool:
    """Whether nothing further in needs to be asked: a whole answer, in pieces as they were made, with words in it."""
    between = spread(asked.first_token_s, asked.last_token_s, asked.chunks)
    unnoticed = between is None or between >= _AT_ONCE_S or (asked.last_token_s or 0.0) < _NOTICED_S
    return asked.whole and unnoticed


def spread(first_s: float | None, last_s: float | None, pieces: int) -> float | None:
    """Return the seconds between the first and the last word of an answer in pieces; None where there are too few.

    Nginx that buffers under TLS, and a gateway that does not flush, hold a stream back until it is complete: then it is
    next to nothing, however long the answer was made.
    """
    return None if first_s is None or last_s is None or pieces < _PIECES else last_s - first_s
