"""The routes of the server. Those that read answer from memory, whatever the runners do (ollama#7573)."""

from __future__ import annotations

import json
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan

from opskit.lab.ollama import asks, catalogue
from opskit.lab.ollama.generation import Generation, Parts
from opskit.lab.ollama.shapes import Chat, Generate, OpenAI

_TEXTS = {404: "404 page not found", 405: "405 method not allowed"}


def application(parts: Parts, lifespan: Lifespan[Starlette]) -> Starlette:
    """Return the application without what stands around it."""
    reading = Reading(parts)
    routes = [
        Route("/", reading.root),
        Route("/api/version", reading.version),
        Route("/api/tags", reading.tags),
        Route("/api/ps", reading.running),
        Route("/api/show", reading.show, methods=["POST"]),
        Route("/v1/models", reading.openai_models),
        Route("/api/chat", Generation(parts, asks.chat, Chat), methods=["POST"]),
        Route("/api/generate", Generation(parts, asks.generate, Generate), methods=["POST"]),
        Route("/v1/chat/completions", Generation(parts, asks.openai, OpenAI), methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={HTTPException: _plain})


class Reading:
    """The routes that read."""

    def __init__(self, parts: Parts) -> None:
        """Read from those."""
        self._live = parts.live
        self._scheduler = parts.scheduler

    async def root(self, _request: Request) -> Response:
        """The text that every monitor asks for."""
        return PlainTextResponse("Ollama is running")

    async def version(self, _request: Request) -> Response:
        """Which Ollama this is."""
        return JSONResponse({"version": self._live.settings.version})

    async def tags(self, _request: Request) -> Response:
        """The models on the disk."""
        return JSONResponse(catalogue.tags(self._live.settings))

    async def running(self, _request: Request) -> Response:
        """The models in memory."""
        return JSONResponse(catalogue.running(self._scheduler.loaded))

    async def openai_models(self, _request: Request) -> Response:
        """The models on the disk, for clients of OpenAI's API."""
        return JSONResponse(catalogue.openai_models(self._live.settings))

    async def show(self, request: Request) -> Response:
        """All about one model."""
        body = await request.body()
        try:
            given: Any = json.loads(body)
        except ValueError:
            return JSONResponse({"error": "invalid request body" if body else "missing request body"}, 400)
        name = str(given.get("model") or given.get("name") or "") if isinstance(given, dict) else ""
        if not name:
            return JSONResponse({"error": "model is required"}, 400)
        model = self._live.settings.find(name)
        if model is None:
            return JSONResponse({"error": f"model '{name}' not found"}, 404)
        return JSONResponse(catalogue.show(model, self._live.settings))


async def _plain(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return PlainTextResponse(_TEXTS.get(status, ""), status)
