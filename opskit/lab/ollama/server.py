"""Puts the server together: config, log, card, scheduler, routes; reloads on SIGHUP, ends on SIGTERM."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import httpx
import psutil
from starlette.applications import Starlette

from opskit.lab.ollama.access import Access
from opskit.lab.ollama.completion import Completion
from opskit.lab.ollama.generation import Parts
from opskit.lab.ollama.journal import Journal, gibibytes, go_duration
from opskit.lab.ollama.ledger import Ledger
from opskit.lab.ollama.loading import Loader
from opskit.lab.ollama.routes import application
from opskit.lab.ollama.scheduler import Scheduler
from opskit.lab.ollama.settings import Live, Settings, read
from opskit.lab.part import ConfigError, listening, reloaded_on_hangup, serve

# A connection for each request: llama-server closes idle ones in the very moment that they would be used again.
_NO_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=0)


def start(path: Path) -> None:
    """Serve what the config file describes until SIGTERM; raises ConfigError."""
    settings = read(path)
    live, journal = Live(settings), Journal(Path(settings.log))
    journal.slog("INFO", "routes.go:1951", "server config", env=_environment(settings))
    sock = _listening(settings, journal)
    journal.slog("INFO", "routes.go:2008", f"Listening on {settings.listen} (version {settings.version})")
    ledger = Ledger(live)
    _discover(ledger, journal)
    client = httpx.AsyncClient(trust_env=False, timeout=None, limits=_NO_LIMITS)  # noqa: S113  see Completion
    scheduler = Scheduler(live, journal, ledger, Loader(live, journal, ledger, client))
    parts = Parts(live, journal, ledger, scheduler, Completion(live, journal, scheduler, client), client)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with reloaded_on_hangup(lambda: _reload(path, live, journal)), client, scheduler.running():
            yield

    serve(Access(application(parts, lifespan), journal, settings.address[0]), sock)


def _listening(settings: Settings, journal: Journal) -> socket:
    try:
        return listening(*settings.address)
    except ConfigError as error:
        reason = str(error).rpartition(": ")[2].lower()
        journal.raw(f"Error: listen tcp {settings.listen}: bind: {reason}")
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from error


def _reload(path: Path, live: Live, journal: Journal) -> None:
    try:
        settings = read(path)
        journal.reopen(Path(settings.log))
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return
    if settings.listen != live.settings.listen:
        sys.stderr.write(f"{path}: listen changes with the next start only\n")
    live.settings = settings


def _discover(ledger: Ledger, journal: Journal) -> None:
    """Say which devices there are."""
    card = ledger.card()
    if card is not None and not card.present:
        memory = psutil.virtual_memory()
        sizes = {"total": gibibytes(memory.total), "available": gibibytes(memory.available)}
        cpu = {"id": "cpu", "library": "cpu", "compute": "", "name": "cpu", "description": "cpu"}
        journal.slog("INFO", "types.go:50", "inference compute", **cpu, **sizes)
        return
    total, free, name = (card.total, card.free(0), card.name) if card else (24 << 30, 23 << 30, "NVIDIA A10")
    sizes = {"total": gibibytes(total), "available": gibibytes(free)}
    device = {"id": "GPU-0", "library": "CUDA", "compute": "8.6", "name": "CUDA0", "description": name}
    journal.slog("INFO", "types.go:32", "inference compute", **device, **sizes)


def _environment(settings: Settings) -> str:
    keep_alive = go_duration(settings.keep_alive_seconds) if settings.keep_alive_seconds >= 0 else "2562047h47m16s"
    values = {
        "OLLAMA_CONTEXT_LENGTH": settings.context_length,
        "OLLAMA_HOST": f"http://{settings.listen}",
        "OLLAMA_KEEP_ALIVE": keep_alive,
        "OLLAMA_LOAD_TIMEOUT": go_duration(settings.load_timeout_seconds),
        "OLLAMA_MAX_LOADED_MODELS": settings.max_loaded_models,
        "OLLAMA_MAX_QUEUE": settings.max_queue,
        "OLLAMA_NUM_PARALLEL": settings.num_parallel,
    }
    return f"map[{' '.join(f'{key}:{value}' for key, value in values.items())}]"
