"""One message of a user: asked of the gateway, and its stream handed through to the browser byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Literal

import httpx
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from opskit.lab.clawdbot.backend import Backend, Turn, told
from opskit.lab.clawdbot.journal import Journal
from opskit.lab.part import ClientLeftError, while_client_stays

_MAX_BODY_BYTES = 4 * 1024 * 1024
_PASSED_ON = ("content-type", "retry-after", "cache-control")


class Said(msgspec.Struct, frozen=True):
    """An earlier turn of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class ChatBody(msgspec.Struct, frozen=True):
    """What the page sends."""

    message: Annotated[str, msgspec.Meta(min_length=1)]
    history: tuple[Said, ...] = ()

    def turns(self) -> list[Turn]:
        """The conversation as the gateway wants it."""
        earlier = [{"role": said.role, "content": said.content} for said in self.history]
        return [*earlier, {"role": "user", "content": self.message}]


class Chat:
    """The message and its answer."""

    def __init__(self, backend: Backend, journal: Journal, who: Mapping[str, str], hangs: bool) -> None:
        """`who` are the headers that tell the gateway who asks; with `hangs` it never asks."""
        self._backend = backend
        self._journal = journal
        self._who = who
        self._hangs = hangs
        self._request_id = who["X-Request-Id"]
        self._started = self._whole = False

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or notice that nobody wants the answer any more."""
        try:
            body = await _body(Request(scope, receive))
            self._journal.write("INFO", f"chat message received request_id={self._request_id}")
            await while_client_stays(self._answer(body.turns(), scope, receive, send), receive)
        except HTTPException as refused:
            await self._fail(refused.status_code, refused.detail, (scope, receive, send))
        except asyncio.CancelledError:  # open streams are cut when the service ends
            await self._fail(503, "the chat is stopping", (scope, receive, send))
        except (ClientLeftError, ClientDisconnect):
            if not self._whole:  # a browser may well hang up at [DONE]
                self._journal.write("WARN", f"client closed the connection request_id={self._request_id}")

    async def _answer(self, turns: list[Turn], scope: Scope, receive: Receive, send: Send) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        patience_s = self._backend.patience_s
        try:
            async with asyncio.timeout(patience_s), self._backend.answer(turns, self._who) as response:
                await self._hand_through(response, send)
        except TimeoutError:
            self._journal.write("ERROR", f"backend timed out after {patience_s:g} s request_id={self._request_id}")
            await self._fail(504, "the chat backend did not answer in time", (scope, receive, send))
        except httpx.HTTPError as error:
            self._journal.write("ERROR", f"backend failed: {told(error)} request_id={self._request_id}")
            await self._fail(502, "the chat backend cannot be reached", (scope, receive, send))
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _hand_through(self, response: httpx.Response, send: Send) -> None:
        """Status, type and every byte as the gateway sends them, refusals too."""
        headers = [(name, response.headers[name]) for name in _PASSED_ON if name in response.headers]
        headers.append(("x-request-id", self._request_id))
        raw = [(name.encode(), value.encode()) for name, value in headers]
        self._started = True
        await send({"type": "http.response.start", "status": response.status_code, "headers": raw})
        async for chunk in response.aiter_raw():
            self._whole = chunk.endswith(b"data: [DONE]\n\n")
            await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _fail(self, status: int, message: str, reply: tuple[Scope, Receive, Send]) -> None:
        """Say what happened: as the answer, or in the stream if that has begun."""
        if not self._started:
            error = {"error": message, "request_id": self._request_id}
            await JSONResponse(error, status, {"X-Request-Id": self._request_id})(*reply)
            return
        event = f"data: {json.dumps({'error': {'message': message}})}\n\n"
        await reply[2]({"type": "http.response.body", "body": event.encode(), "more_body": False})


async def _body(request: Request) -> ChatBody:
    """Return what the page sent; raises HTTPException and ClientDisconnect."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            raise HTTPException(413, "the message is too large")
    try:
        return msgspec.json.decode(body, type=ChatBody)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, "message is required") from error
