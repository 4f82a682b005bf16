"""One answer from a runner: the wait for its slot, the request, the tokens, and what its death looks like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

import httpx
import msgspec

from opskit.lab.ollama.journal import Journal
from opskit.lab.ollama.refusal import RefusedError
from opskit.lab.ollama.runner import Runner
from opskit.lab.ollama.scheduler import Scheduler
from opskit.lab.ollama.settings import Live
from opskit.lab.ollama.wording import ABORTING, MID_STREAM, WORDING, Wording

_MOURNING_S = 1.0  # how long to wait for the reason of a death before going on without it
_DATA = "data: "


class Piece(msgspec.Struct, frozen=True):
    """Some text of the answer, or of the thought before it."""

    content: str = ""
    thinking: str = ""


class Done(msgspec.Struct, frozen=True):
    """The end of an answer, durations in nanoseconds."""

    reason: str
    prompt_count: int = 0
    prompt_duration: int = 0
    count: int = 0
    duration: int = 0


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Timings(msgspec.Struct):
    prompt_ms: float = 0.0
    predicted_ms: float = 0.0


class _Event(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    timings: _Timings | None = None


class _Error(msgspec.Struct):
    message: str = ""


class _Refusal(msgspec.Struct):
    error: _Error = msgspec.field(default_factory=_Error)


_EVENTS = msgspec.json.Decoder(_Event)


class Completion:
    """Asks runners."""

    def __init__(self, live: Live, journal: Journal, scheduler: Scheduler, client: httpx.AsyncClient) -> None:
        """`client` is for the runners and has no time limit: a wedged runner is waited for without end."""
        self._live = live
        self._journal = journal
        self._scheduler = scheduler
        self._client = client

    async def pieces(self, runner: Runner, body: dict[str, Any]) -> AsyncGenerator[Piece | Done, None]:
        """Yield the answer, then how it ended. Raises RefusedError, also when the runner dies on the way."""
        try:
            await runner.slots.acquire()
        except asyncio.CancelledError:
            self._journal.slog("INFO", f"{self._words.source}:1538", ABORTING)
            raise
        runner.active += 1
        self._scheduler.touch()
        try:
            async with aclosing(self._asked(runner, body)) as asked:
                async for piece in asked:
                    yield piece
        finally:
            runner.active -= 1
            runner.slots.release()
            self._scheduler.touch()

    @property
    def _words(self) -> Wording:
        return WORDING[self._live.settings.generation]

    async def _asked(self, runner: Runner, body: dict[str, Any]) -> AsyncGenerator[Piece | Done, None]:
        started, url = False, f"http://127.0.0.1:{runner.port}/v1/chat/completions"
        try:
            async with self._client.stream("POST", url, json=body) as response:
                if response.status_code != httpx.codes.OK:
                    raise RefusedError(response.status_code, _reason(await response.aread()))
                async for piece in _read(response):
                    started = True
                    yield piece
        except httpx.HTTPError as error:
            with suppress(TimeoutError):
                await asyncio.wait_for(runner.exited.wait(), _MOURNING_S)
            raise self._lost(runner, started, error) from error
        except asyncio.CancelledError:
            if not started and self._live.settings.generation == "0.12":
                self._post_failed(runner, "context canceled")
            raise

    def _lost(self, runner: Runner, started: bool, error: httpx.HTTPError) -> RefusedError:
        if started:
            return RefusedError(500, f"{MID_STREAM}: {runner.last_error or 'unexpected EOF'}")
        self._post_failed(runner, "EOF" if isinstance(error, httpx.RemoteProtocolError) else "connection refused")
        return RefusedError(500, self._words.stopped(runner.last_error))

    def _post_failed(self, runner: Runner, error: str) -> None:
        what = f'Post "http://127.0.0.1:{runner.port}/completion": {error}'
        self._journal.slog("ERROR", f"{self._words.source}:1640", self._words.post_failed, error=what)


async def _read(response: httpx.Response) -> AsyncGenerator[Piece | Done, None]:
    """Yield what a stream of llama-server says; its counts come after its reason to stop."""
    reason, ended = "stop", False
    async for line in response.aiter_lines():
        if not line.startswith(_DATA) or line == "data: [DONE]":
            continue
        event = _EVENTS.decode(line[len(_DATA) :])
        for choice in event.choices:
            reason, ended = choice.finish_reason or reason, ended or bool(choice.finish_reason)
            if choice.delta.content or choice.delta.reasoning_content:
                yield Piece(choice.delta.content or "", choice.delta.reasoning_content or "")
        if event.usage is not None:
            yield _done(reason, event.usage, event.timings or _Timings())
            ended = True
    if not ended:
        raise httpx.RemoteProtocolError("the stream has no end")


def _done(reason: str, usage: _Usage, timings: _Timings) -> Done:
    spent = [int(milliseconds * 1e6) for milliseconds in (timings.prompt_ms, timings.predicted_ms)]
    return Done(reason, usage.prompt_tokens, spent[0], usage.completion_tokens, spent[1])


def _reason(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).error.message
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")
