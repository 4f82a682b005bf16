"""One chat request from its first byte to its last line in the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import httpx
import msgspec
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from opskit.lab.gateway import openai, rules
from opskit.lab.gateway.audit import Audit, Caller, Outcome
from opskit.lab.gateway.breaker import Breaker
from opskit.lab.gateway.config import Config, Network, networks
from opskit.lab.gateway.events import EventStream
from opskit.lab.gateway.rules import RefusedError
from opskit.lab.gateway.upstream import Call, Piece, UpstreamError
from opskit.lab.part import ClientLeftError, while_client_stays

# Far more than the longest prompt, escaped in the longest way; with pictures it is Nginx's limit that one meets first.
MAX_BODY_BYTES = 4 * 1024 * 1024
_BODY_WITHIN_S = 60.0
_DISCARD_WITHIN_S = 5.0
_UNAVAILABLE = "the model is temporarily unavailable, please try again later"
_NAME_LIMIT = 256


class Rules:
    """What decides about a request, as the config file says at this moment."""

    def __init__(self, config: Config) -> None:
        """Networks are read once."""
        self.config = config
        self.allowed: tuple[Network, ...] = networks(config.whitelist.ips)
        self.trusted: tuple[Network, ...] = networks(config.trusted_proxies)

    def client(self, scope: Scope) -> str:
        """The address of whoever asks."""
        peer = scope["client"][0] if scope["client"] else ""
        return rules.client_address(peer, Headers(scope=scope).getlist("x-forwarded-for"), self.trusted)

    def check_caller(self, scope: Scope) -> None:
        """Source first, key second: a stranger does not get to try keys."""
        if self.config.whitelist.enabled:
            rules.check_source(self.client(scope), self.allowed)
        if self.config.auth.enabled:
            rules.check_key(Headers(scope=scope).get(self.config.auth.header_key), self.config.auth)


class Exchange:
    """The request, its answer and its two lines in the log."""

    def __init__(
        self, current: Rules, audit: Audit, rate: rules.Rate, breaker: Breaker, client: httpx.AsyncClient
    ) -> None:
        """The rules are those of the moment at which the request comes, even if the config changes meanwhile."""
        self._rules = current
        self._config = current.config
        self._audit = audit
        self._rate = rate
        self._breaker = breaker
        self._client = client
        self._outcome = Outcome()
        self._announced = self._ended = False

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, whatever happens, and log it."""
        self._caller = self._identify(scope)
        self._stream = EventStream(send, self._config.defects)
        self._reply = (scope, receive, send)
        try:
            await self._serve()
        except ClientLeftError:
            self._outcome.status, self._outcome.error = 499, "client closed the connection"
        except RefusedError as refused:
            await self._refuse(refused)
        except asyncio.CancelledError:  # open streams are cut when the service ends
            await self._refuse(RefusedError(503, "the gateway is stopping, please try again later"))
        except Exception as error:  # only to log it: the request has to have its end record
            self._outcome.status, self._outcome.error = 500, f"unexpected {type(error).__name__}"
            raise
        finally:
            self._end()

    async def _serve(self) -> None:
        scope, receive, _ = self._reply
        config = self._config
        try:
            self._rules.check_caller(scope)
            if config.rate_limit.enabled:
                self._rate.check(self._caller.client_ip, config.rate_limit, time.monotonic())
        except RefusedError:
            await _discard_body(receive)
            raise
        request = openai.parse(await _body(receive))
        self._caller.model = request.model[:_NAME_LIMIT]
        self._caller.prompt_length = request.prompt_length()
        openai.check(request)
        rules.check_prompt(self._caller.prompt_length, config.max_prompt_chars)
        self._announce()
        await while_client_stays(self._answer(request), receive, finish="keep_generating" in config.defects)

    async def _answer(self, request: openai.ChatRequest) -> None:
        answer = openai.Answer(self._caller.request_id, request.model)
        said = []
        async with aclosing(self._pieces(request)) as pieces:
            async for piece in pieces:
                self._outcome.note(piece)
                said.append(piece)
                if request.stream:
                    await self._stream.event(answer.chunk(piece))
        self._outcome.status = 200
        if request.stream:
            await self._stream.event(answer.usage_chunk(said[-1]))
            await self._stream.done()
        else:
            await JSONResponse(answer.whole(said))(*self._reply)
        self._end()  # at once, or the caller's next request would come before this line
        if request.stream and "no_done" in self._config.defects:
            await asyncio.Event().wait()

    async def _pieces(self, request: openai.ChatRequest) -> AsyncGenerator[Piece, None]:
        """Ask Ollama, if the breaker lets us, and tell it how that went."""
        question = openai.question(request, self._config)
        now = time.monotonic()
        ticket = self._breaker.admit(now)
        if ticket is None:
            retry_after = {"Retry-After": str(self._breaker.retry_after(now))}
            raise RefusedError(503, _UNAVAILABLE, "circuit breaker open", retry_after)
        try:
            async with aclosing(Call(self._client, self._config, question).pieces()) as pieces:
                async for piece in pieces:
                    self._breaker.success(ticket)
                    kept = msgspec.structs.replace(piece, thinking="") if self._drops_thinking else piece
                    if kept.content or kept.thinking or kept.done:
                        yield kept
        except UpstreamError as error:
            if error.blames_ollama:
                self._breaker.failure(ticket, time.monotonic())
            else:
                self._breaker.success(ticket)
            raise
        finally:
            self._breaker.release(ticket)

    @property
    def _drops_thinking(self) -> bool:
        return "drop_thinking" in self._config.defects

    async def _refuse(self, refused: RefusedError) -> None:
        self._outcome.error = refused.detail
        if self._stream.started:
            self._outcome.status = 200
            await self._stream.broken(refused.message)
            return
        self._outcome.status = refused.status
        await refusal(refused)(*self._reply)

    def _identify(self, scope: Scope) -> Caller:
        user = Headers(scope=scope).get(self._config.user_header, "").encode("latin-1").decode("utf-8", "replace")
        return Caller(
            request_id=scope["request_id"],
            client_ip=self._rules.client(scope),
            user_id=user[:_NAME_LIMIT] or None,
            path=scope["path"],
        )

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            self._audit.start(self._caller)

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._announce()
            self._audit.end(self._caller, self._outcome)


def refusal(refused: RefusedError) -> JSONResponse:
    """The answer to a request that goes no further."""
    return JSONResponse({"error": refused.message}, refused.status, refused.headers)


async def _body(receive: Receive) -> bytes:
    """Read the request body, but no more than one may have; raises RefusedError and ClientLeftError."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_WITHIN_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeftError
                body += message.get("body", b"")
                if len(body) > MAX_BODY_BYTES:
                    raise RefusedError(413, f"request body too large, max {MAX_BODY_BYTES} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError as error:
        raise RefusedError(408, "the request body did not come in time") from error


async def _discard_body(receive: Receive) -> None:
    """Let a refused caller finish sending: who is cut off while sending never reads why."""
    size, more = 0, True
    with suppress(TimeoutError):
        async with asyncio.timeout(_DISCARD_WITHIN_S):
            while more and size <= MAX_BODY_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)
