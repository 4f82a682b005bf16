"""An Ollama that does what a test tells it, byte by byte, and remembers what it was asked and who hung up."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

# bytes: one chunk of the body (none: only the head); a number: seconds to wait; "cut": close without an end
Step = bytes | float | str


def item(content: str = "", **more: Any) -> bytes:
    """One object of the stream."""
    said = {"role": "assistant", "content": content, **more.pop("message", {})}
    shown = {"model": "/models/blobs/sha256-x", "created_at": "2026-11-23T10:00:00Z", "message": said, "done": False}
    return json.dumps({**shown, **more}, ensure_ascii=False).encode() + b"\n"


def last(**more: Any) -> bytes:
    """The last object."""
    counts = {"prompt_eval_count": 9, "eval_count": 3, "total_duration": 5_000_000, "load_duration": 1}
    return item(**{"done": True, "done_reason": "stop", **counts, **more})


HELLO: tuple[Step, ...] = (item("Hel"), item("lo （你"), item("好）"), last())


class ScriptedOllama:
    """Listens on a free port of loopback, in a thread of its own."""

    def __init__(self) -> None:
        """It answers HELLO until told otherwise."""
        self.steps: Sequence[Step] = HELLO
        self.status = 200
        self.asked: list[dict[str, Any]] = []
        self.hung_up = 0
        self.finished = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> Self:
        """Listen."""
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        """Cut all connections and end."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(10)
        self._loop.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def _run(self) -> None:
        self._over = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, backlog=512)
        self.port: int = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
            body = await reader.readexactly(int(fields.get(b"content-length", 0)))
            self.asked.append(json.loads(body) if body else {})
            answering = asyncio.ensure_future(self._answer(writer))
            gone = asyncio.ensure_future(reader.read(1))
            try:
                await asyncio.wait((answering, gone), return_when=asyncio.FIRST_COMPLETED)
                if answering.done():
                    self.finished += 1
                else:
                    self.hung_up += 1
            finally:
                answering.cancel()
                gone.cancel()
                await asyncio.gather(answering, gone, return_exceptions=True)
        except (OSError, asyncio.IncompleteReadError):
            self.hung_up += 1
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        begun = False
        for step in self.steps:
            if isinstance(step, float):
                await asyncio.sleep(step)
                continue
            if not begun:
                writer.write(b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n" % self.status)
                begun = True
            if step == "cut":
                writer.transport.abort()
                return
            assert isinstance(step, bytes)
            if step:
                writer.write(b"%x\r\n%s\r\n" % (len(step), step))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
        await writer.drain()
