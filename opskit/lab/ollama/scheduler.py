"""Which models are loaded, and who may use them: a queue for what has to be loaded, none for what is there.

After server/sched.go. A request whose runner is loaded with the options it wants gets it at once. All others wait in
one queue of bounded length, and a request at its head that must evict a busy runner blocks the rest.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from opskit.lab.ollama.journal import Journal
from opskit.lab.ollama.ledger import Ledger
from opskit.lab.ollama.loading import Loader
from opskit.lab.ollama.refusal import RefusedError
from opskit.lab.ollama.runner import Runner
from opskit.lab.ollama.settings import Live
from opskit.lab.ollama.wish import Wish
from opskit.lab.ollama.wording import BUSY, WORDING
from opskit.lab.part import local_now

_TICK_S = 1.0


class _Pending:
    """A request in the queue."""

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.runner: asyncio.Future[Runner] = asyncio.get_running_loop().create_future()
        self.gone = asyncio.Event()  # nobody waits for it any more


class Scheduler:
    """Owns the runners."""

    def __init__(self, live: Live, journal: Journal, ledger: Ledger, loader: Loader) -> None:
        """Nothing is loaded at first."""
        self._live = live
        self._journal = journal
        self._ledger = ledger
        self._loader = loader
        self._loaded: dict[str, Runner] = {}
        self._queue: asyncio.Queue[_Pending] = asyncio.Queue()
        self._tasks = set[asyncio.Task[None]]()

    @property
    def loaded(self) -> list[Runner]:
        """The runners that are there."""
        return list(self._loaded.values())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load and unload for the time of the block; no runner survives it, save orphans."""
        self._ledger.write()
        self._spawn(self._serve_queue())
        self._spawn(self._tick())
        try:
            yield
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(self._close(runner) for runner in self.loaded))

    @asynccontextmanager
    async def lease(self, wish: Wish) -> AsyncIterator[Runner]:
        """Have a runner for the block. Raises RefusedError when the queue is full or the load fails."""
        runner = self._loaded.get(wish.model.name)
        if runner is not None and runner.spec.options == wish.runner_options:
            self._use(runner, wish)
        else:
            runner = await self._queued(wish)
        try:
            yield runner
        finally:
            self._leave(runner)

    def expire(self, name: str) -> None:
        """Unload a model as soon as nobody uses it."""
        if (runner := self._loaded.get(name)) is not None:
            runner.keep_alive, runner.expires_at = 0.0, local_now()
            self._idle(runner)

    def touch(self) -> None:
        """Tell the card that the work on it has changed."""
        self._ledger.write()

    async def _queued(self, wish: Wish) -> Runner:
        if self._queue.qsize() >= self._live.settings.max_queue:
            raise RefusedError(503, BUSY)
        pending = _Pending(wish)
        self._queue.put_nowait(pending)
        try:
            return await pending.runner
        except asyncio.CancelledError:
            pending.gone.set()
            if pending.runner.done() and not pending.runner.cancelled() and not pending.runner.exception():
                self._leave(pending.runner.result())
            raise

    async def _serve_queue(self) -> None:
        while True:
            pending = await self._queue.get()
            if pending.gone.is_set():
                continue
            try:
                runner = await self._placed(pending)
            except RefusedError as refused:
                if not pending.runner.done():
                    pending.runner.set_exception(refused)
                continue
            if runner is None or pending.runner.done():
                continue
            self._use(runner, pending.wish)
            pending.runner.set_result(runner)

    async def _placed(self, pending: _Pending) -> Runner | None:
        """Return the runner for a request, after making room and loading; None when nobody waits for it any more."""
        wish = pending.wish
        while True:
            present = self._loaded.get(wish.model.name)
            if present is not None and present.spec.options == wish.runner_options:
                return present
            if present is None and len(self._loaded) < self._live.settings.max_loaded_models:
                break
            victim = present or min(self.loaded, key=lambda each: (each.users > 0, each.keep_alive))
            victim.keep_alive = 0.0
            self._idle(victim)
            await victim.gone.wait()
        return await self._load(pending)

    async def _load(self, pending: _Pending) -> Runner | None:
        load = asyncio.ensure_future(self._loader.load(pending.wish))
        gone = asyncio.ensure_future(pending.gone.wait())
        try:
            await asyncio.wait((load, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            if not load.done():
                load.cancel()
                await asyncio.gather(load, return_exceptions=True)
        if load.cancelled():
            return None
        runner = load.result()
        keep_alive = self._live.settings.keep_alive_seconds
        runner.keep_alive = math.inf if keep_alive < 0 else keep_alive
        self._loaded[runner.spec.model.name] = runner
        self._journal.slog("INFO", "sched.go:728", "loaded runners", count=len(self._loaded))
        self._spawn(self._watch(runner))
        if pending.gone.is_set():  # it left in the very moment the load ended
            self._idle(runner)
        return runner

    def _use(self, runner: Runner, wish: Wish) -> None:
        runner.users += 1
        if runner.timer is not None:
            runner.timer.cancel()
            runner.timer = None
        if wish.keep_alive is not None:
            runner.keep_alive = wish.keep_alive

    def _leave(self, runner: Runner) -> None:
        runner.users -= 1
        if not runner.users and runner.keep_alive > 0:
            endless = math.isinf(runner.keep_alive)
            runner.expires_at = None if endless else local_now() + timedelta(seconds=runner.keep_alive)
        self._idle(runner)

    def _idle(self, runner: Runner) -> None:
        """Start the time after which a runner without users is unloaded."""
        if runner.users or self._loaded.get(runner.spec.model.name) is not runner:
            return
        if runner.timer is not None:
            runner.timer.cancel()
            runner.timer = None
        if not math.isinf(runner.keep_alive):
            loop = asyncio.get_running_loop()
            runner.timer = loop.call_later(runner.keep_alive, lambda: self._spawn(self._unload(runner)))

    async def _unload(self, runner: Runner) -> None:
        if not runner.users:  # nobody came in the moment the time was up
            await self._close(runner)

    async def _close(self, runner: Runner) -> None:
        self._forget(runner)
        if self._live.has("orphan_runner"):
            runner.closing = True
            self._ledger.abandon(runner)
        else:
            await runner.kill()
            self._ledger.leave(runner)
        runner.gone.set()

    def _forget(self, runner: Runner) -> None:
        if self._loaded.get(runner.spec.model.name) is runner:
            del self._loaded[runner.spec.model.name]
        if runner.timer is not None:
            runner.timer.cancel()

    async def _watch(self, runner: Runner) -> None:
        """Notice at once when a runner dies by itself."""
        await runner.exited.wait()
        if runner.closing:
            return
        self._forget(runner)
        words = WORDING[self._live.settings.generation]
        how = runner.exit_text
        if runner.last_error:
            self._journal.slog("ERROR", f"{words.source}:1023", f"{words.name} terminated", error=how)
        else:
            died = {"sys": runner.exit_signal, "string": how}
            self._journal.slog("WARN", f"{words.source}:1196", f"{words.name} process no longer running", **died)
        self._ledger.leave(runner)
        runner.gone.set()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._ledger.write()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
