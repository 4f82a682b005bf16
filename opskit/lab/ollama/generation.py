"""The routes that generate: from a request's body through scheduler, slot and runner to the bytes of the answer."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from time import monotonic_ns
from typing import Any

import httpx
import msgspec
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from opskit.lab.ollama import wording
from opskit.lab.ollama.asks import Ask
from opskit.lab.ollama.body import runner_body, sorted_out
from opskit.lab.ollama.completion import Completion, Done, Piece
from opskit.lab.ollama.journal import Journal
from opskit.lab.ollama.ledger import Ledger
from opskit.lab.ollama.prompt import fitting
from opskit.lab.ollama.refusal import RefusedError
from opskit.lab.ollama.runner import Runner
from opskit.lab.ollama.scheduler import Scheduler
from opskit.lab.ollama.settings import Live, Model
from opskit.lab.ollama.shapes import Chat, OpenAI, Spent
from opskit.lab.ollama.wish import wish
from opskit.lab.part import ClientLeftError, while_client_stays

_CRASH_AFTER = 5  # pieces
_ILLEGAL_ACCESS = "an illegal memory access was encountered"
_CARD_LOST = "unspecified launch failure"


class Parts(msgspec.Struct, frozen=True):
    """What a generation needs of the server."""

    live: Live
    journal: Journal
    ledger: Ledger
    scheduler: Scheduler
    completion: Completion
    client: httpx.AsyncClient


class Generation:
    """One route as an ASGI application."""

    def __init__(self, parts: Parts, read: Callable[[bytes], Ask], shape: type[Chat | OpenAI]) -> None:
        """`read` understands the body, `shape` forms the answer."""
        self._parts = parts
        self._read = read
        self._shape = shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, as long as its client is there."""
        began = monotonic_ns()
        if self._parts.live.has("panic"):
            self._parts.journal.raw(wording.panic())
            os._exit(2)
        with suppress(ClientDisconnect, ClientLeftError):
            body = await Request(scope, receive).body()
            try:
                ask = self._read(body)
                model = self._model(ask)
            except RefusedError as refused:
                await self._refuse(refused, scope, receive, send)
                return
            answer = Answer(self._parts, ask, model, self._shape(ask), began)
            await while_client_stays(self._answer(answer, scope, receive, send), receive)

    async def _answer(self, answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await answer.run(scope, send)
        except RefusedError as refused:
            if answer.started:
                failure = answer.shape.failure(refused.message)
                await send({"type": "http.response.body", "body": failure})
            else:
                await self._refuse(refused, scope, receive, send)

    async def _refuse(self, refused: RefusedError, scope: Scope, receive: Receive, send: Send) -> None:
        body = self._shape.error(refused.status, refused.message)
        await JSONResponse(body, refused.status)(scope, receive, send)

    def _model(self, ask: Ask) -> Model:
        settings = self._parts.live.settings
        model = settings.find(ask.model)
        if model is None:
            raise RefusedError(404, f"model '{ask.model}' not found")
        if ask.think and not (settings.thinking or self._parts.live.has("endless_thinking")):
            raise RefusedError(400, f'"{ask.model}" does not support thinking')
        return model


class Answer:
    """One request that is being answered."""

    def __init__(self, parts: Parts, ask: Ask, model: Model, shape: Chat | OpenAI, began: int) -> None:
        """`began` is when the request came, by `monotonic_ns`."""
        self.shape = shape
        self.started = False  # the first byte has left
        self._parts = parts
        self._ask = ask
        self._model = model
        self._began = began
        self._ready = began  # when its runner was there

    async def run(self, scope: Scope, send: Send) -> None:
        """Send the whole answer. Raises RefusedError."""
        ask, scheduler = self._ask, self._parts.scheduler
        if ask.loads_only and ask.keep_alive == 0:
            scheduler.expire(self._model.name)
            await self._send_whole(send, Piece(), Done("unload"))
            return
        wanted = wish(self._model, ask.options, ask.keep_alive, self._parts.live.settings)
        async with scheduler.lease(wanted) as runner:
            self._ready = monotonic_ns()
            scope["gone_status"] = 500  # from here on gin logs that for a client that leaves too early
            if ask.loads_only:
                await self._send_whole(send, Piece(), Done("load"))
            elif ask.stream:
                await self._stream(runner, send)
            else:
                await self._collect(runner, send)

    async def _stream(self, runner: Runner, send: Send) -> None:
        async with aclosing(self._pieces(runner)) as pieces:
            async for piece in pieces:
                if not self.started:  # the head leaves with the first token: a slow model is silent until then
                    head = [(b"content-type", self.shape.media_type)]
                    await send({"type": "http.response.start", "status": 200, "headers": head})
                    self.started = True
                ended = isinstance(piece, Done)
                body = self.shape.end(piece, self._spent()) if isinstance(piece, Done) else self.shape.piece(piece)
                await send({"type": "http.response.body", "body": body, "more_body": not ended})

    async def _collect(self, runner: Runner, send: Send) -> None:
        content, thinking, done = list[str](), list[str](), Done("stop")
        async with aclosing(self._pieces(runner)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Done):
                    done = piece
                else:
                    content.append(piece.content)
                    thinking.append(piece.thinking)
        await self._send_whole(send, Piece("".join(content), "".join(thinking)), done)

    async def _pieces(self, runner: Runner) -> AsyncGenerator[Piece | Done, None]:
        live, body = self._parts.live, await self._body(runner)
        count = 0
        async with aclosing(self._parts.completion.pieces(runner, body)) as pieces:
            async for piece in sorted_out(pieces, live, self._ask):
                count += 1
                if count == _CRASH_AFTER and live.has("crash_mid_answer"):
                    runner.crash(_ILLEGAL_ACCESS)
                if isinstance(piece, Done) or not live.has("empty_answer"):
                    yield piece

    async def _body(self, runner: Runner) -> dict[str, Any]:
        parts, messages = self._parts, self._ask.messages
        card = parts.ledger.card()
        if card is not None and not card.present and runner.size_vram:
            runner.crash(_CARD_LOST)
        if self._ask.truncate:
            messages = await fitting(messages, runner, parts.client, parts.journal)
        hot = card is not None and card.throttled and runner.size_vram > 0
        return runner_body(self._ask, messages, parts.live, runner.spec, hot)

    async def _send_whole(self, send: Send, text: Piece, done: Done) -> None:
        body = msgspec.json.encode(self.shape.whole(text, done, self._spent()))
        head = [(b"content-type", b"application/json; charset=utf-8"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        self.started = True
        await send({"type": "http.response.body", "body": body})

    def _spent(self) -> Spent:
        return Spent(total=monotonic_ns() - self._began, load=self._ready - self._began)
