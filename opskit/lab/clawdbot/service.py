"""The chat UI as a service: the page, the health route, the chat route."""

from __future__ import annotations

import html
import re
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from opskit.lab.clawdbot.backend import Backend
from opskit.lab.clawdbot.chat import Chat
from opskit.lab.clawdbot.config import Config, load
from opskit.lab.clawdbot.journal import Journal
from opskit.lab.part import ConfigError, listening, reloaded_on_hangup, serve

_OPENCLAW = ("ready", "unready")
_SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
_PAGE = Path(__file__).with_name("page.html")


class Clawdbot:
    """The running chat UI."""

    def __init__(self, path: Path, config: Config, key: str) -> None:
        """Open the log; raises ConfigError."""
        self._path = path
        self._config, self._key = config, key
        self._journal = Journal(Path(config.log))
        self._page = _PAGE.read_text(encoding="utf-8")

    def reload(self) -> None:
        """Read the config file again; a bad one changes nothing, open chats go on as they began."""
        try:
            config, key = load(self._path)
            self._journal.reopen(Path(config.log))
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            self._journal.write("ERROR", f"config refused: {error}", "config")
            return
        self._config, self._key = config, key
        self._journal.write("INFO", "config reloaded", "config")

    @asynccontextmanager
    async def running(self, _: Starlette) -> AsyncIterator[None]:
        """What is open while the service runs."""
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        client = httpx.AsyncClient(limits=limits, timeout=httpx.Timeout(None), trust_env=False)
        async with client as self._client, reloaded_on_hangup(self.reload):
            server = self._config.server
            self._journal.write("INFO", f"listening on {server.host}:{server.port}", "gateway/ws")
            yield
            self._journal.write("INFO", "stopped", "gateway/ws")

    async def page(self, _: Request) -> Response:
        """The one page, for every path: so does the real one, and that is why a 200 proves nothing about it."""
        return HTMLResponse(self._page.replace("{{title}}", html.escape(self._config.ui.title)))

    async def health(self, request: Request) -> Response:
        """Health, in one of its behaviours."""
        if self._config.health == "page":
            return await self.page(request)
        if self._config.health == "failing":
            return JSONResponse({"ok": False, "status": "failing"}, 503)
        return JSONResponse({"ok": True, "status": "live"})

    async def live(self, request: Request) -> Response:
        """OpenClaw's second name for its health; before OpenClaw there was none."""
        return await (self.health(request) if self._config.health in _OPENCLAW else self.page(request))

    async def ready(self, request: Request) -> Response:
        """OpenClaw's readiness: its parts, and nothing of the model."""
        if self._config.health not in _OPENCLAW:
            return await self.page(request)
        failing = ["telegram"] if self._config.health == "unready" else []
        return JSONResponse({"ready": not failing, "failing": failing, "uptimeMs": 60_000}, 503 if failing else 200)

    async def chat(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One message of a user."""
        headers = Request(scope).headers
        given = headers.get("x-request-id", "")
        who = {"X-Request-Id": given if _SANE_ID.fullmatch(given) else uuid.uuid4().hex}
        if user := headers.get("x-user-id"):
            who["X-User-Id"] = user
        # Whose question it is, so that the gateway's allow-list and rate limit mean the user and not this server.
        peer = scope["client"][0] if scope.get("client") else ""
        who["X-Forwarded-For"] = ", ".join(part for part in (headers.get("x-forwarded-for"), peer) if part)
        backend = Backend(self._client, self._config, self._key, self._journal)
        hangs = "hang_requests" in self._config.defects
        await Chat(backend, self._journal, who, hangs).serve(scope, receive, send)

    _client: httpx.AsyncClient


class ChatRoute:
    """The chat route; no Starlette request here, for it must notice when the browser leaves."""

    def __init__(self, clawdbot: Clawdbot) -> None:
        """See `Clawdbot.chat`."""
        self._clawdbot = clawdbot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._clawdbot.chat(scope, receive, send)


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)


def application(clawdbot: Clawdbot) -> ASGIApp:
    """The routes."""
    routes = [
        Route("/api/chat", ChatRoute(clawdbot), methods=["POST"]),
        Route("/health", clawdbot.health),
        Route("/healthz", clawdbot.live),
        Route("/readyz", clawdbot.ready),
        Route("/{path:path}", clawdbot.page),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _http_error}, lifespan=clawdbot.running)


def start(path: Path) -> None:
    """Run the chat UI of a config file; raises ConfigError."""
    config, key = load(path)
    clawdbot = Clawdbot(path, config, key)
    serve(application(clawdbot), listening(config.server.host, config.server.port))
