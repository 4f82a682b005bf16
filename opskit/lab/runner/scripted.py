"""The engine `scripted`: the surface of llama-server that Ollama uses, with fixed sentences for a model.

Routes and bodies after tools/server of llama.cpp: `/health`, `/slots`, `/metrics`, `/tokenize` and
`/v1/chat/completions`. Until the model is loaded, every path answers 503.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from opskit.lab.part import listening
from opskit.lab.part import serve as serve_http
from opskit.lab.runner import load_lines, sentences
from opskit.lab.runner.answering import Answering
from opskit.lab.runner.options import Options
from opskit.lab.runner.slots import Slots

_STEP_S = 0.05
_STEP_BYTES = 1 << 18
_STALLED_S = 3600.0


def serve(options: Options) -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    serve_http(Loading(options), listening("127.0.0.1", options.port))


class Loading:
    """The application, behind the time that a model takes to load."""

    def __init__(self, options: Options) -> None:
        """Nothing is loaded before the server runs."""
        self._options = options
        self._ready = False
        self._tasks = set[asyncio.Task[None]]()
        self._app: ASGIApp = _routes(options, self._start)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or say that it is too early."""
        if scope["type"] != "http" or self._ready:
            await self._app(scope, receive, send)
            return
        error = {"message": "Loading model", "type": "unavailable_error", "code": 503}
        await JSONResponse({"error": error}, 503)(scope, receive, send)

    @asynccontextmanager
    async def _start(self, _app: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(self._load())
        yield
        loading.cancel()

    async def _load(self) -> None:
        load_lines.emit(f"srv    load_model: loading model '{self._options.model}'")
        await self._read()
        load_lines.emit(*load_lines.offloaded(self._options), "srv          init: model loaded")
        self._ready = True

    async def _read(self) -> None:
        """Take the time of a load: one that gets on takes memory all the while, one that stalls does not."""
        left, read = self._options.load_seconds, list[bytes]()
        while left > 0:
            await asyncio.sleep(min(_STEP_S, left))
            left -= _STEP_S
            if self._options.load_seconds < _STALLED_S:
                read.append(bytes(bytearray(b"w") * _STEP_BYTES))


def _routes(options: Options, lifespan: object) -> Starlette:
    slots = Slots(options.parallel)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def show_slots(_request: Request) -> Response:
        return JSONResponse([slot.shown(options.slot_context) for slot in slots.all])

    async def metrics(_request: Request) -> Response:
        return PlainTextResponse(slots.metrics())

    async def tokenize(request: Request) -> Response:
        content = str((await request.json()).get("content", ""))
        return JSONResponse({"tokens": list(range(sentences.count(content)))})

    async def unknown(_request: Request, _error: Exception) -> Response:
        return JSONResponse({"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}}, 404)

    routes = [
        Route("/health", health),
        Route("/slots", show_slots),
        Route("/metrics", metrics),
        Route("/tokenize", tokenize, methods=["POST"]),
        Route("/v1/chat/completions", Answering(options, slots)),
    ]
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers={404: unknown})  # type: ignore[arg-type]
