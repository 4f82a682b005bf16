"""The standard question over the gateway's OpenAI route, timed to the first token and to the end.

Written so that it neither reloads nor pins the model: no runner options and no keep_alive, thinking off, temperature 0,
a fixed seed and length, and a nonce at the start so that no cached prefix flatters the time (baseline.md section 5).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Literal

import msgspec

from opskit.logs.redact import MARK, redact
from opskit.model.typed import prepared
from opskit.probes.answer import OWN_REQUEST
from opskit.probes.base import Deadline, Whole
from opskit.probes.exchange import Exchange, Target, exchange

ROUTE = "/v1/chat/completions"
SEED = 7
ENDS = frozenset({"stop", "length"})
_KEPT = frozenset({"retry-after", "content-type"})
_HEADER = 100
_LONG = 2
_SAID = ("content",)
_THOUGHT = ("reasoning", "reasoning_content", "thinking")
Moment = Literal["first", "long", "last"]
Told = Callable[[Moment], None]
"""Called when the first word has come, when more has come than was asked for, and when the answer has said its last."""


class Question(msgspec.Struct, frozen=True):
    """What is asked: a prompt that certainly fills `max_tokens`, so that every answer has the same length."""

    model: str
    prompt: str
    max_tokens: int

    def messages(self) -> list[dict[str, object]]:
        """Return the prompt behind a nonce of constant length: an identical prompt would skip its evaluation."""
        return [{"role": "user", "content": f"[{secrets.token_hex(4)}] {self.prompt}"}]


class Asked(msgspec.Struct, frozen=True):
    """The evidence: the exchange without its body, what the stream carried, and whether a key went along.

    `finish` is the reason that the answer itself gives for its end, `thoughts` how many of the chunks held nothing but
    reasoning; evidence of former versions has none of them.
    """

    exchange: Exchange
    chunks: Whole
    first_token_s: float | None
    done: bool
    with_key: bool
    error: str = ""
    key_problem: str = ""
    finish: str = ""
    last_token_s: float | None = None
    thoughts: Whole = 0

    @property
    def whole(self) -> bool:
        """True where a complete answer with content came."""
        good = self.exchange.status == 200 and self.exchange.failure is None and not self.error
        return good and self.done and self.chunks > 0


def own_id() -> str:
    """Return a request id by which opskit's own questions are known in every log."""
    return OWN_REQUEST + secrets.token_hex(8)


def put(
    question: Question, target: Target, deadline: Deadline, told: Told | None = None, request_id: str = ""
) -> Asked:
    """Ask once, at the URL and with the headers of `target`; a failure is evidence.

    `told` hears how the answer gets on; without a `request_id` it gets one of its own.
    """
    payload: dict[str, object] = {
        "model": question.model,
        "messages": question.messages(),
        "max_tokens": question.max_tokens,
        "temperature": 0,
        "seed": SEED,
        "stream": True,
        "think": False,
    }
    headers = {**target.headers, "X-Request-Id": request_id or own_id()}
    ear = _Ear(told, _LONG * question.max_tokens)
    found = exchange(msgspec.structs.replace(target, payload=payload, headers=headers), deadline, ear.hear)
    if found.failure is None:
        ear.read_whole(found.body, found.phases["total_s"])
    error = "" if found.status in {200, None} else redact(found.body[:500])
    for key in filter(None, target.headers.values()):  # some name the key that they refuse
        error, ear.error = error.replace(key, MARK), ear.error.replace(key, MARK)
    return Asked(
        msgspec.structs.replace(found, body="", headers=_kept(found.headers)),
        ear.chunks,
        ear.first_token_s,
        # Some gateways send the reason of the end and no end mark; clients take that for an end, too.
        ear.done or (found.failure is None and ear.finish in ENDS),
        bool(target.headers),
        error or ear.error,
        finish=ear.finish,
        last_token_s=ear.last_token_s,
        thoughts=ear.thoughts,
    )


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: redact(value)[:_HEADER] for name, value in headers.items() if name in _KEPT}


class _Chunk(msgspec.Struct):
    """One event of the stream, as far as it matters: content or reasoning in a delta or a message, or an error."""

    choices: list[dict[str, object]] | None = None
    error: object = None


class _Ear:
    """Listens to a stream of server-sent events (or one JSON body): counts chunks with content, notes the first."""

    def __init__(self, told: Told | None, asked_for: int) -> None:
        self._asked_for = asked_for
        self.chunks = 0
        self.thoughts = 0
        self.first_token_s: float | None = None
        self.last_token_s: float | None = None
        self._told = told
        self.done = False
        self.error = ""
        self.finish = ""

    def hear(self, line: bytes, seconds: float) -> bool:
        data = line.strip().removeprefix(b"data:").strip()
        if data == b"[DONE]":
            self.done = True
            return True
        if not data.startswith(b"{"):
            return False
        try:
            chunk = msgspec.json.decode(data, type=prepared(_Chunk))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False
        if chunk.error:
            self.error = redact(str(chunk.error)[:500])
        choices = chunk.choices or []
        if any(_content(choice) for choice in choices):
            self._note(seconds, thought=not any(_content(choice, _SAID) for choice in choices))
        finish = next((redact(str(why))[:20] for one in choices if (why := one.get("finish_reason"))), "")
        # Some gateways write a word of theirs, or "null", into every event.
        if finish and self.finish not in ENDS:
            self.finish = finish
            if finish in ENDS:
                self._tell("last")
        # A gateway that answers without streaming sends one object with a whole message.
        self.done = self.done or any("message" in choice for choice in choices)
        return False

    def _note(self, seconds: float, *, thought: bool) -> None:
        self.chunks += 1
        self.thoughts += thought
        self.last_token_s = seconds
        if self.first_token_s is None:
            self.first_token_s = seconds
            self._tell("first")
        if self.chunks == self._asked_for + 1 and self.finish not in ENDS:
            self._tell("long")

    def _tell(self, what: Moment) -> None:
        if self._told is not None:
            self._told(what)

    def read_whole(self, body: str, seconds: float) -> None:
        """Take an answer for one JSON object over several lines, where line by line nothing was understood."""
        if not (self.chunks or self.done or self.error):
            self.hear(" ".join(body.split("\n")).encode(), seconds)


def _content(choice: dict[str, object], fields: tuple[str, ...] = (*_SAID, *_THOUGHT)) -> bool:
    said = choice.get("delta") or choice.get("message")
    return isinstance(said, dict) and any(said.get(field) for field in fields)
