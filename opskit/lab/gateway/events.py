"""The answer as a stream of server-sent events, and the ways in which gateways get that wrong."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from starlette.types import Send

from opskit.lab.gateway.config import Defect

# No X-Accel-Buffering: whether Nginx holds the stream back is for its own configuration to get right or wrong.
_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")]


class EventStream:
    """Writes each event at once; the head of the answer leaves with the first."""

    def __init__(self, send: Send, defects: Collection[Defect]) -> None:
        """Nothing is sent yet."""
        self.started = False
        self._send = send
        self._defects = defects
        self._count = 0
        self._held: list[bytes] = []

    async def event(self, data: dict[str, Any]) -> None:
        """Send one event."""
        line = b"data: " + json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
        self._count += 1
        if "split_events" in self._defects and self._count % 2 == 0:
            line = line[: len(line) // 2]
        if "no_flush" in self._defects:
            self._held.append(line)
            return
        await self._write(line)

    async def done(self) -> None:
        """Say that the answer is whole, and end the response.

        Both in one go: a client that hangs up as soon as it reads [DONE] has not left early.
        """
        if "no_done" in self._defects:
            await self._write(b"".join(self._held))
            return
        await self._write(b"".join(self._held) + b"data: [DONE]\n\n", more=False)

    async def broken(self, message: str) -> None:
        """Say what happened: the status has left already. There is no [DONE] after that."""
        await self.event({"error": {"message": message}})
        await self._write(b"".join(self._held), more=False)

    async def _write(self, data: bytes, more: bool = True) -> None:
        if not self.started:
            self.started = True
            await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
