"""The standard question over the gateway's OpenAI route, timed to the first token and to the end.

Written so that it neither reloads nor pins the model: no runner options and no keep_alive, thinking off, temperature 0,
a fixed seed and length, and a nonce at the start so that no cached prefix flatters the time (baseline.md section 5).
"""

from __future__ import annotations

import secrets

import msgspec

from opskit.logs.redact import MARK, redact
from opskit.model.typed import prepared
from opskit.probes.answer import OWN_REQUEST
from opskit.probes.base import Deadline, Whole
from opskit.probes.exchange import Exchange, Target, exchange

ROUTE = "/v1/chat/completions"
SEED = 7
_ENDS = frozenset({"stop", "length"})
_CONTENT = ("content", "reasoning", "reasoning_content", "thinking")


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

    `finish` is the reason that the answer itself gives for its end; evidence of former versions has none.
    """

    exchange: Exchange
    chunks: Whole
    first_token_s: float | None
    done: bool
    with_key: bool
    error: str = ""
    key_problem: str = ""
    finish: str = ""

    @property
    def whole(self) -> bool:
        """True where a complete answer with content came."""
        good = self.exchange.status == 200 and self.exchange.failure is None and not self.error
        return good and self.done and self.chunks > 0


def put(question: Question, target: Target, deadline: Deadline) -> Asked:
    """Ask once, at the URL and with the headers of `target`; a failure is evidence."""
    payload: dict[str, object] = {
        "model": question.model,
        "messages": question.messages(),
        "max_tokens": question.max_tokens,
        "temperature": 0,
        "seed": SEED,
        "stream": True,
        "think": False,
    }
    headers = {**target.headers, "X-Request-Id": OWN_REQUEST + secrets.token_hex(8)}
    ear = _Ear()
    found = exchange(msgspec.structs.replace(target, payload=payload, headers=headers), deadline, ear.hear)
    if found.failure is None:
        ear.read_whole(found.body, found.phases["total_s"])
    error = "" if found.status in {200, None} else redact(found.body[:500])
    for key in filter(None, target.headers.values()):  # some name the key that they refuse
        error, ear.error = error.replace(key, MARK), ear.error.replace(key, MARK)
    return Asked(
        msgspec.structs.replace(found, body="", headers={}),
        ear.chunks,
        ear.first_token_s,
        # Some gateways send the reason of the end and no end mark; clients take that for an end, too.
        ear.done or (found.failure is None and ear.finish in _ENDS),
        bool(target.headers),
        error or ear.error,
        finish=ear.finish,
    )


class _Chunk(msgspec.Struct):
    """One event of the stream, as far as it matters: content or reasoning in a delta or a message, or an error."""

    choices: list[dict[str, object]] | None = None
    error: object = None


class _Ear:
    """Listens to a stream of server-sent events (or one JSON body): counts chunks with content, notes the first."""

    def __init__(self) -> None:
        self.chunks = 0
        self.first_token_s: float | None = None
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
            self.chunks += 1
            self.first_token_s = seconds if self.first_token_s is None else self.first_token_s
        self.finish = next((str(why)[:20] for one in choices if (why := one.get("finish_reason"))), self.finish)
        # A gateway that answers without streaming sends one object with a whole message.
        self.done = self.done or any("message" in choice for choice in choices)
        return False

    def read_whole(self, body: str, seconds: float) -> None:
        """Take an answer for one JSON object over several lines, where line by line nothing was understood."""
        if not (self.chunks or self.done or self.error):
            self.hear(" ".join(body.split("\n")).encode(), seconds)


def _content(choice: dict[str, object]) -> bool:
    said = choice.get("delta") or choice.get("message")
    return isinstance(said, dict) and any(said.get(field) for field in _CONTENT)
