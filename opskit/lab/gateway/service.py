"""The gateway as a service: its routes, its state, and how it starts and reloads."""

from __future__ import annotations

import asyncio
import re
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from opskit.lab.gateway import openai, upstream
from opskit.lab.gateway.audit import Audit
from opskit.lab.gateway.breaker import Breaker, State
from opskit.lab.gateway.config import Config, Level, load
from opskit.lab.gateway.exchange import Exchange, Rules, refusal
from opskit.lab.gateway.rules import Rate, RefusedError
from opskit.lab.part import ConfigError, listening, reloaded_on_hangup, serve

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


class Gateway:
    """The running gateway: what it remembers from one request to the next."""

    def __init__(self, path: Path, config: Config) -> None:
        """Open the log; raises ConfigError."""
        self._path = path
        self.audit = Audit(Path(config.log), config.log_level)
        self.rate = Rate()
        self.breaker = Breaker(config.breaker, self._breaker_changed)
        self.rules = Rules(config)
        self._use(config)

    def reload(self) -> None:
        """Read the config file again, keeping all counters and open requests; a bad one changes nothing."""
        try:
            config = load(self._path)
            self.audit.reopen(Path(config.log), config.log_level)
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            self.audit.event("error", "config.refused", problem=str(error))
            return
        needs_restart = config.listen != self.rules.config.listen
        self._use(config)
        self.audit.event("info", "config.reloaded", listen_needs_restart=needs_restart)

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        """What is open while the service runs."""
        async with upstream.new_client() as self.client, reloaded_on_hangup(self.reload):
            self.audit.event("info", "service.start", listen=self.rules.config.listen)
            yield
            self.audit.event("info", "service.stop")

    async def health(self, _: Request) -> Response:
        """That the gateway runs; nothing about the model."""
        return JSONResponse({"status": "ok"})

    async def models(self, request: Request) -> Response:
        """The models that Ollama has."""
        self.rules.check_caller(request.scope)
        return JSONResponse(openai.models(await upstream.tags(self.client, self.rules.config)))

    def exchange(self) -> Exchange:
        """A chat request comes."""
        return Exchange(self.rules, self.audit, self.rate, self.breaker, self.client)

    def _use(self, config: Config) -> None:
        self.rules = Rules(config)
        self.breaker.settings = config.breaker
        self.breaker.stuck = "breaker_stuck" in config.defects

    def _breaker_changed(self, state: State) -> None:
        level: Level = "info" if state == "closed" else "warning"
        self.audit.event(level, f"breaker.{state}", failures=self.breaker.failures)

    client: httpx.AsyncClient


class Chat:
    """The chat route; no Starlette request here, for it must notice when the client leaves."""

    def __init__(self, gateway: Gateway) -> None:
        """See `exchange`."""
        self._gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._gateway.exchange().serve(scope, receive, send)


class Front:
    """What every request passes: it gets its id, and waits for its turn if the gateway has but one worker."""

    def __init__(self, app: ASGIApp, gateway: Gateway) -> None:
        """See the class."""
        self._app = app
        self._gateway = gateway
        self._worker = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        scope["request_id"] = given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = scope["request_id"]
            await send(message)

        if "one_worker" in self._gateway.rules.config.defects:
            async with self._worker:
                await self._app(scope, receive, send_with_id)
            return
        await self._app(scope, receive, send_with_id)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return refusal(error)


async def _unexpected(_: Request, __: Exception) -> Response:
    # The server closes the connection after an exception: the caller should know, or its next request is lost.
    return JSONResponse({"error": "internal server error"}, 500, {"Connection": "close"})


def application(gateway: Gateway) -> ASGIApp:
    """The routes. Without /v1 they are the same: the reference Nginx site strips it."""
    chat = Chat(gateway)
    routes = [
        Route("/health", gateway.health),
        *(Route(path, gateway.models) for path in ("/v1/models", "/models")),
        *(Route(path, chat, methods=["POST"]) for path in ("/v1/chat/completions", "/chat/completions")),
    ]
    errors = {HTTPException: _http_error, RefusedError: _refused, Exception: _unexpected}
    app = Starlette(routes=routes, exception_handlers=errors, lifespan=gateway.running)
    app.router.redirect_slashes = False
    return Front(app, gateway)


def start(path: Path) -> None:
    """Run the gateway of a config file; raises ConfigError."""
    config = load(path)
    gateway = Gateway(path, config)
    serve(application(gateway), listening(*config.address))
