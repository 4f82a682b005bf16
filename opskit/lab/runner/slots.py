"""The places where answers are made: so many at a time, the rest wait in line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Slot:
    """One place and the task in it."""

    def __init__(self, number: int) -> None:
        """An empty place."""
        self.number = number
        self.task = -1
        self.prompt = 0  # tokens
        self.decoded = 0  # tokens
        self.busy = False

    def shown(self, context: int) -> dict[str, Any]:
        """The slot as `/slots` shows it."""
        shown: dict[str, Any] = {"id": self.number, "n_ctx": context, "is_processing": self.busy}
        if self.busy:
            shown |= {"id_task": self.task, "n_prompt_tokens": self.prompt, "n_prompt_tokens_processed": self.prompt}
            shown["next_token"] = [{"n_decoded": self.decoded, "has_next_token": True}]
        return shown


class Slots:
    """All places, the line before them, and what was done so far."""

    def __init__(self, number: int) -> None:
        """`number` places."""
        self.all = [Slot(each) for each in range(number)]
        self.deferred = 0
        self.tasks = 0
        self.prompt_tokens = 0
        self.predicted_tokens = 0
        self._free = asyncio.Semaphore(number)

    @asynccontextmanager
    async def take(self, prompt: int) -> AsyncIterator[Slot]:
        """Wait for a place and have it for the block."""
        self.deferred += 1
        try:
            await self._free.acquire()
        finally:
            self.deferred -= 1
        slot = next(each for each in self.all if not each.busy)
        self.tasks += 1
        slot.task, slot.prompt, slot.decoded, slot.busy = self.tasks, prompt, 0, True
        try:
            yield slot
        finally:
            slot.busy = False
            self.prompt_tokens += prompt
            self.predicted_tokens += slot.decoded
            self._free.release()

    def metrics(self) -> str:
        """The few numbers of `/metrics` that somebody looks at."""
        values = {
            "prompt_tokens_total": ("counter", self.prompt_tokens),
            "tokens_predicted_total": ("counter", self.predicted_tokens),
            "requests_processing": ("gauge", sum(slot.busy for slot in self.all)),
            "requests_deferred": ("gauge", self.deferred),
        }
        return "".join(
            f"# TYPE llamacpp:{name} {kind}\nllamacpp:{name} {value}\n" for name, (kind, value) in values.items()
        )
