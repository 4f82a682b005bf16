"""`/v1/chat/completions` of the scripted engine: takes a slot, reads the prompt, says its tokens one by one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from itertools import islice
from time import monotonic
from typing import Any

import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from opskit.lab.part import ClientLeftError, while_client_stays
from opskit.lab.runner import sentences
from opskit.lab.runner.options import Options
from opskit.lab.runner.slots import Slot, Slots

_PREFILL_SHARE = 0.02  # reading a token takes this part of the time that saying one takes
_NO_LIMIT = 10**9
_HEAD = [(b"content-type", b"text/event-stream")]


class Question(msgspec.Struct):
    """The body of a request; what else llama-server takes changes nothing here."""

    messages: list[dict[str, Any]] = []
    max_tokens: int = -1
    stream: bool = False
    ignore_eos: bool = False
    chat_template_kwargs: dict[str, Any] = {}
    token_delay_s: float | None = None  # the lab's own: how slow this answer is


class Token(msgspec.Struct):
    """A piece of the answer, or of the thought before it."""

    text: str
    thought: bool = False


class Answering:
    """The route as an ASGI application."""

    def __init__(self, options: Options, slots: Slots) -> None:
        """Take places in `slots`."""
        self._options = options
        self._slots = slots

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; when the client leaves, its slot is free at once."""
        with suppress(ClientDisconnect, ClientLeftError):
            body = await Request(scope, receive).body()
            try:
                question = msgspec.json.decode(body, type=Question)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                await _refuse(400, "invalid_request_error", str(error))(scope, receive, send)
                return
            prompt, context = sentences.prompt_tokens(question.messages), self._options.slot_context
            if prompt >= context:
                text = f"request ({prompt} tokens) exceeds the available context size ({context} tokens)"
                more = {"n_prompt_tokens": prompt, "n_ctx": context}
                refusal = _refuse(400, "exceed_context_size_error", f"{text}, try increasing it", **more)
                await refusal(scope, receive, send)
                return
            work = self._streamed(question, prompt, send) if question.stream else self._whole(question, prompt, send)
            await while_client_stays(work, receive)

    async def _streamed(self, question: Question, prompt: int, send: Send) -> None:
        run = _Run(self._options, question, prompt)
        started = False
        async with self._slots.take(prompt) as slot:
            async for token in run.tokens(slot):
                if not started:  # the head leaves with the first token: a slow model is silent until then
                    await _start(send, run)
                    started = True
                await _event(send, run.chunk({"reasoning_content" if token.thought else "content": token.text}))
        if not started:
            await _start(send, run)
        for chunk in (run.chunk({}, run.reason), run.usage()):
            await _event(send, chunk)
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    async def _whole(self, question: Question, prompt: int, send: Send) -> None:
        run = _Run(self._options, question, prompt)
        async with self._slots.take(prompt) as slot:
            said = [token.text async for token in run.tokens(slot) if not token.thought]
        message = {"role": "assistant", "content": "".join(said)}
        choice = {"finish_reason": run.reason, "index": 0, "message": message}
        body = msgspec.json.encode({**run.usage(), "choices": [choice], "object": "chat.completion"})
        head = [(b"content-type", b"application/json; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": body})


class _Run:
    """One answer while it is made."""

    def __init__(self, options: Options, question: Question, prompt: int) -> None:
        self._delay = options.token_delay if question.token_delay_s is None else question.token_delay_s
        self._model = options.alias
        self._question = question
        self._prompt = prompt
        self._limit = question.max_tokens if question.max_tokens >= 0 else _NO_LIMIT
        self._count = 0
        self._prompt_ms = self._predicted_ms = 0.0
        self.reason = "stop"

    async def tokens(self, slot: Slot) -> AsyncIterator[Token]:
        """Yield the tokens as they are made."""
        began = monotonic()
        await asyncio.sleep(self._prompt * self._delay * _PREFILL_SHARE)
        first, every = monotonic(), self._all()
        self._prompt_ms = (first - began) * 1000
        for token in islice(every, self._limit):
            await asyncio.sleep(self._delay)
            self._count += 1
            slot.decoded = self._count
            yield token
        self.reason = "stop" if next(every, None) is None else "length"
        self._predicted_ms = (monotonic() - first) * 1000

    def chunk(self, delta: dict[str, str | None], reason: str | None = None) -> dict[str, Any]:
        """An event of the stream."""
        choice = {"finish_reason": reason, "index": 0, "delta": delta}
        return {"choices": [choice], "model": self._model, "object": "chat.completion.chunk"}

    def usage(self) -> dict[str, Any]:
        """The last event: the counts and times of the whole answer."""
        counts = {"completion_tokens": self._count, "prompt_tokens": self._prompt}
        timings = {"cache_n": 0, "prompt_n": self._prompt, "prompt_ms": self._prompt_ms}
        timings |= {"predicted_n": self._count, "predicted_ms": self._predicted_ms}
        usage = {**counts, "total_tokens": self._count + self._prompt}
        head = {"choices": [], "model": self._model, "object": "chat.completion.chunk"}
        return {**head, "usage": usage, "timings": timings}

    def _all(self) -> Iterator[Token]:
        if self._question.chat_template_kwargs.get("enable_thinking"):
            yield from (Token(text, thought=True) for text in sentences.reasoning())
        said: Iterable[str] = sentences.answer(self._question.messages)
        yield from (Token(text) for text in (sentences.endless([*said]) if self._question.ignore_eos else said))


async def _start(send: Send, run: _Run) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
    await _event(send, run.chunk({"role": "assistant", "content": None}))


async def _event(send: Send, value: dict[str, Any]) -> None:
    data = b"data: " + msgspec.json.encode(value) + b"\n\n"
    await send({"type": "http.response.body", "body": data, "more_body": True})


def _refuse(status: int, kind: str, message: str, **more: int) -> JSONResponse:
    return JSONResponse({"error": {"code": status, "message": message, "type": kind, **more}}, status)
