"""Ollama's side: one `/api/chat` stream as pieces, with a deadline for its first byte and one for each pause."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable
from contextlib import aclosing
from typing import Any, TypeVar

import httpx
import msgspec

from opskit.lab.gateway.config import Config
from opskit.lab.gateway.rules import RefusedError

BUSY = "the model is not responding, please try again later"
FAILED = "the model could not answer, please try again later"
TOO_LONG = "the model took too long, please try again later"
_REFUSALS = {
    400: (400, "the model refuses this request"),
    404: (404, "model not found, /v1/models lists the known ones"),
    503: (503, "the model is busy, please try again later"),
}
_SHORT_TOTAL_S = 5.0
_LIMIT_OF_ERROR_BODY = 65_536
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_T = TypeVar("_T")


class UpstreamError(RefusedError):
    """Ollama's fault, or not even that: `blames_ollama` is what the breaker counts."""

    @property
    def blames_ollama(self) -> bool:
        """Whether Ollama is in trouble; that it does not know a model is no trouble."""
        return self.status >= 500


class Piece(msgspec.Struct, frozen=True):
    """One object of the stream: some text, or the end with its counts."""

    content: str = ""
    thinking: str = ""
    done: bool = False
    finish_reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Said(msgspec.Struct, frozen=True):
    content: str = ""
    thinking: str = ""


class _Item(msgspec.Struct, frozen=True):
    message: _Said = _Said()
    done: bool = False
    done_reason: str = "stop"
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    error: str = ""


def new_client() -> httpx.AsyncClient:
    """Return a client that never waits for a free connection.

    Each call has a connection of its own that closes with it: Ollama notices at once when we lose interest, and the
    open connections are exactly the calls in flight. Deadlines are ours, httpx knows only one per read.
    """
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(None), trust_env=False)


class Call:
    """One question to Ollama."""

    def __init__(self, client: httpx.AsyncClient, config: Config, question: dict[str, Any]) -> None:
        """Deadlines run from now on."""
        self._client = client
        self._config = config
        body = msgspec.json.encode(question)
        url = config.ollama_api.rstrip("/") + "/api/chat"
        self._request = client.build_request("POST", url, content=body, headers={"Content-Type": "application/json"})
        self._now = asyncio.get_running_loop().time
        self._began = self._now()
        self._answered = False

    async def pieces(self) -> AsyncGenerator[Piece, None]:
        """Yield the pieces, the last one is `done`; raises UpstreamError. Ending it early closes the connection."""
        buffer = b""
        async with aclosing(self._chunks()) as chunks:
            async for chunk in chunks:
                *lines, buffer = (buffer + chunk).split(b"\n")
                for piece in map(_piece, filter(bytes.strip, lines)):
                    yield piece
                    if piece.done:
                        return
        raise UpstreamError(502, FAILED, "ollama: the stream broke off")

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        if "database_lock" in self._config.defects:
            await asyncio.Event().wait()
        if "block_event_loop" in self._config.defects:
            yield self._blocking()
            return
        response = await self._in_time(self._client.send(self._request, stream=True))
        try:
            if response.status_code != 200:
                raise _refusal(response.status_code, await self._in_time(_beginning(response)))
            chunks = response.aiter_raw()
            while chunk := await self._in_time(anext(chunks, b"")):
                self._answered = True
                yield chunk
        finally:
            await response.aclose()

    def _blocking(self) -> bytes:
        """The whole stream, by a synchronous client in an asynchronous service."""
        try:
            with httpx.Client(timeout=self._config.idle_timeout_seconds, trust_env=False) as client:
                response = client.send(self._request)
        except httpx.HTTPError as error:
            raise self._broken(error) from error
        if response.status_code != 200:
            raise _refusal(response.status_code, response.content)
        return response.content

    async def _in_time(self, step: Awaitable[_T]) -> _T:
        """Await one step of the exchange, as long as there is time for it."""
        when, late = self._deadline()
        try:
            async with asyncio.timeout_at(when):
                return await step
        except TimeoutError as error:
            raise late from error
        except httpx.HTTPError as error:
            raise self._broken(error) from error

    def _deadline(self) -> tuple[float | None, UpstreamError]:
        """When the present step must be over, and what it means if it is not.

        The first byte is the first of the body: a head alone is no answer of a model.
        """
        config = self._config
        if self._answered:
            seconds = config.idle_timeout_seconds
            when, late = self._now() + seconds, UpstreamError(502, FAILED, f"ollama: silent for {seconds:g} s")
        else:
            seconds = config.first_byte_timeout_seconds
            when, late = self._began + seconds, UpstreamError(503, BUSY, f"ollama: no first byte within {seconds:g} s")
        if "short_timeout" in config.defects and self._began + _SHORT_TOTAL_S < when:
            detail = f"ollama: no complete answer within {_SHORT_TOTAL_S:g} s"
            return self._began + _SHORT_TOTAL_S, UpstreamError(504, TOO_LONG, detail)
        if "no_first_byte_timeout" in config.defects and not self._answered:
            return None, late
        return when, late

    def _broken(self, error: httpx.HTTPError) -> UpstreamError:
        reason = str(error) or type(error).__name__
        if self._answered:
            return UpstreamError(502, FAILED, f"ollama: the stream broke off: {reason}")
        return UpstreamError(503, BUSY, f"ollama: {reason}")


async def _beginning(response: httpx.Response) -> bytes:
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > _LIMIT_OF_ERROR_BODY:
            break
    return body


def _piece(line: bytes) -> Piece:
    try:
        item = msgspec.json.decode(line, type=_Item)
    except _UNREADABLE as error:
        raise UpstreamError(502, FAILED, "ollama: not an object of its stream") from error
    if item.error:
        raise UpstreamError(502, FAILED, f"ollama: {item.error}")
    said = item.message
    if not item.done:
        return Piece(said.content, said.thinking)
    finish = "length" if item.done_reason == "length" else "stop"
    return Piece(said.content, said.thinking, True, finish, item.prompt_eval_count, item.eval_count)


def _refusal(status: int, body: bytes) -> UpstreamError:
    """The friendly text for the caller, Ollama's own for the log."""
    try:
        said = msgspec.json.decode(body, type=_Item).error
    except _UNREADABLE:
        said = ""
    answer, message = _REFUSALS.get(status, (status if status >= 500 else 502, FAILED))
    return UpstreamError(answer, message, f"ollama: {status} {said}".rstrip())


async def tags(client: httpx.AsyncClient, config: Config) -> dict[str, Any]:
    """Return the models that Ollama has; raises UpstreamError."""
    try:
        async with asyncio.timeout(config.first_byte_timeout_seconds):
            response = await client.get(config.ollama_api.rstrip("/") + "/api/tags")
        if response.status_code != 200:
            raise _refusal(response.status_code, response.content)
        return msgspec.json.decode(response.content, type=dict[str, Any])
    except (TimeoutError, httpx.HTTPError, *_UNREADABLE) as error:
        raise UpstreamError(503, BUSY, f"ollama: {str(error) or type(error).__name__}") from error
