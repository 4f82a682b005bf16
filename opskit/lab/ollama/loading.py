"""From a request for a model to a runner that answers: the process, the wait for it, and all that can go wrong."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

import httpx
import psutil

from opskit.lab.ollama.catalogue import blob
from opskit.lab.ollama.journal import Journal, gibibytes
from opskit.lab.ollama.ledger import Ledger
from opskit.lab.ollama.placement import LAYERS, Placement, place
from opskit.lab.ollama.refusal import RefusedError
from opskit.lab.ollama.runner import Runner, Spec, free_port, spawn
from opskit.lab.ollama.settings import Live
from opskit.lab.ollama.wish import Wish
from opskit.lab.ollama.wording import WORDING, Wording

_LOADING: Final = "llm server loading model"
_SILENT: Final = "llm server not responding"
_POLL_S = 0.05
_HEALTH_TIMEOUT_S = 0.2
_NEVER_S = 10**8


class Loader:
    """Loads models."""

    def __init__(self, live: Live, journal: Journal, ledger: Ledger, client: httpx.AsyncClient) -> None:
        """`client` is for the runners."""
        self._live = live
        self._journal = journal
        self._ledger = ledger
        self._client = client

    @property
    def _words(self) -> Wording:
        return WORDING[self._live.settings.generation]

    async def load(self, wish: Wish) -> Runner:
        """Return a runner that is ready.

        Raises RefusedError. A cancelled load leaves no process behind, and says so in the log as Ollama does.
        """
        began, spec = monotonic(), self._spec(wish)
        self._announce(spec)
        port = free_port()
        command = self._words.command(spec.blob, port, spec.context * spec.parallel, spec.parallel)
        self._journal.slog("INFO", f"{self._words.source}:433", self._words.starting, cmd=command)
        runner = spawn(spec, port, self._journal)
        if spec.placement.fits:
            self._ledger.enter(runner)
        try:
            await self._wait(runner, began)
        except BaseException:  # cancelled too: a runner that nobody waits for would hold the card
            await runner.kill()
            self._ledger.leave(runner)
            raise
        return runner

    def _spec(self, wish: Wish) -> Spec:
        settings, live = self._live.settings, self._live
        used = self._ledger.used()
        placement = place(wish.model, wish.context, wish.num_gpu, settings, self._ledger.card(), used)
        full = live.has("fail_load") or (not placement.fits and settings.gpu and settings.gpu.on_no_vram == "fail")
        if full:
            placement = Placement(LAYERS, placement.size, fits=False)
        delay = _NEVER_S if live.has("load_stall") else settings.load_seconds
        arguments = ["--engine", settings.engine, "--load-seconds", str(delay)]
        if self._ledger.load_file and self._ledger.idle_file:
            arguments += ["--load-file", str(self._ledger.load_file), "--idle-file", str(self._ledger.idle_file)]
        return Spec(
            model=wish.model,
            options=wish.runner_options,
            context=wish.context,
            parallel=settings.num_parallel,
            placement=placement,
            arguments=(*arguments, *(["--out-of-memory"] if full else [])),
            blob=blob(wish.model),
            lifeline=not live.has("orphan_runner"),
        )

    def _announce(self, spec: Spec) -> None:
        """What the scheduler says before it starts a process."""
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        sizes = {"total": gibibytes(memory.total), "free": gibibytes(memory.available)}
        self._journal.slog("INFO", "sched.go:613", "system memory", **sizes, free_swap=gibibytes(swap.free))
        card = self._ledger.card()
        if card is None or card.present:
            free = card.free(self._ledger.used()) if card else spec.placement.size
            room = {"available": gibibytes(free), "free": gibibytes(free), "minimum": "457.0 MiB", "overhead": "0 B"}
            self._journal.slog("INFO", "sched.go:620", "gpu memory", id="GPU-0", library="CUDA", **room)
        if spec.placement.layers:
            return
        if self._live.settings.generation == "0.12":
            layers = {"layers.requested": -1, "layers.model": LAYERS, "layers.offload": 0, "layers.split": "[]"}
            self._journal.slog("INFO", "server.go:544", "offload", library="cpu", **layers)
        elif card is not None and not card.present:
            libraries = "[/usr/local/lib/ollama /usr/local/lib/ollama/cuda_v12]"
            failure = {"OLLAMA_LIBRARY_PATH": libraries, "error": "runner crashed"}
            self._journal.slog("INFO", "runner.go:470", "failure during llama-server GPU discovery", **failure)

    async def _wait(self, runner: Runner, began: float) -> None:
        """Return when the runner is ready."""
        words, journal = self._words, self._journal
        journal.slog("INFO", f"{words.source}:1295", f"waiting for {words.name} to start responding")
        try:
            await self._until_ready(runner, began + self._live.settings.load_timeout_seconds)
        except asyncio.CancelledError:
            journal.slog("WARN", f"{words.source}:1301", words.left_while_loading)
            self._failed(runner, words.canceled())
            raise
        except RefusedError as refused:
            self._failed(runner, refused.message)
            raise
        journal.slog("INFO", f"{words.source}:1362", f"{words.name} started in {monotonic() - began:.2f} seconds")

    def _failed(self, runner: Runner, error: str) -> None:
        self._journal.slog("INFO", "sched.go:641", "Load failed", model=runner.spec.blob, error=error)

    async def _until_ready(self, runner: Runner, deadline: float) -> None:
        last = ""
        while True:
            if runner.exited.is_set():
                raise RefusedError(500, self._words.terminated(runner.last_error or runner.exit_text))
            if monotonic() > deadline:
                raise RefusedError(500, self._words.timed_out())
            status = await self._health(runner)
            if not status:
                return
            if status != last:
                self._journal.slog("INFO", f"{self._words.source}:1350", self._words.becoming, status=status)
                last = status
            await asyncio.sleep(_POLL_S)

    async def _health(self, runner: Runner) -> str:
        """Why it is not ready; "" when it is."""
        try:
            answer = await self._client.get(f"http://127.0.0.1:{runner.port}/health", timeout=_HEALTH_TIMEOUT_S)
        except httpx.HTTPError:
            return _SILENT
        return "" if answer.status_code == httpx.codes.OK else _LOADING
