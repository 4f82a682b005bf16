"""An Ollama of the lab for tests: its process, its runners, its log, and clients that stay or leave."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

import httpx
import psutil

from opskit.logs.event import Event
from opskit.logs.ollama import events
from tests.lab.part_process import Part, eventually, free_port

MODEL = "qwen3:32b"
TIMEOUT_S = 60.0


class Ollama:
    """One server; `start` it."""

    def __init__(self, folder: Path, **config: Any) -> None:
        """Further config keys over those that every test has."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        base = {"listen": f"127.0.0.1:{self.port}", "log": str(folder / "ollama.log"), "token_delay_seconds": 0.002}
        self.part = Part("ollama", folder, {**base, **config})
        self.client = httpx.Client(base_url=self.url, timeout=TIMEOUT_S, trust_env=False)
        self.pool = ThreadPoolExecutor(32)

    def start(self) -> Ollama:
        """Start it and wait until it listens."""
        self.part.start(self.port)
        return self

    def close(self) -> None:
        """End it and whatever it left behind."""
        runners = self.runners() if self.part._child is not None else []
        self.part.stop()
        for runner in runners:
            if runner.is_running():
                runner.kill()
        self.pool.shutdown()
        self.client.close()

    def runners(self) -> list[psutil.Process]:
        """Its runner processes."""
        try:
            return psutil.Process(self.part.child.pid).children()
        except psutil.NoSuchProcess:
            return []

    def runner(self) -> psutil.Process:
        """Its only runner, once it is there."""
        [runner] = eventually(self.runners, "no runner")
        return runner

    def runner_url(self) -> str:
        """Where its runner listens."""
        command = self.runner().cmdline()
        return f"http://127.0.0.1:{command[command.index('--port') + 1]}"

    def asks_runner(self) -> bool:
        """Whether a question is under way between the server and its runner: only then are they connected."""
        port = int(self.runner_url().rpartition(":")[2])
        connections = psutil.Process(self.part.child.pid).net_connections("tcp")
        return any(each.raddr and each.raddr.port == port for each in connections)

    def reload(self, **changes: Any) -> None:
        """Change the config file and let the server read it."""
        self.part.write_config(**changes)
        self.part.child.send_signal(1)
        self.part.log = Path(self.part.config["log"])
        self.get("/api/version")  # may be answered in the same turn of the loop as the signal
        mark = f"/mark-{time.monotonic_ns()}"
        self.client.get(mark)
        eventually(lambda: self.part.log.exists() and mark in self.text())

    def get(self, path: str) -> Any:
        """A JSON answer."""
        return self.client.get(path).json()

    def loaded(self) -> list[dict[str, Any]]:
        """What /api/ps lists."""
        return self.get("/api/ps")["models"]

    def generate(self, prompt: str = "hi", **more: Any) -> httpx.Response:
        """POST /api/generate, not streamed unless asked for."""
        return self.client.post("/api/generate", json={"model": MODEL, "prompt": prompt, "stream": False, **more})

    def chat(self, content: str = "hi", **more: Any) -> list[dict[str, Any]]:
        """The objects of a streamed /api/chat."""
        return objects(self.client.post("/api/chat", json=_chat(content, more)))

    @contextmanager
    def reading(self, content: str = "hi", **more: Any) -> Iterator[Iterator[dict[str, Any]]]:
        """The objects of a streamed /api/chat as they come; leaving the block closes the connection."""
        with self.client.stream("POST", "/api/chat", json=_chat(content, more)) as response:
            yield (json.loads(line) for line in response.iter_lines())

    def later(self, prompt: str = "hi", **more: Any) -> Future[httpx.Response]:
        """`generate` in the background."""
        return self.pool.submit(self.generate, prompt, **more)

    def abandoned(self, seconds: float, **more: Any) -> None:
        """POST /api/generate and leave after some seconds without an answer."""
        question = {"model": MODEL, "prompt": "hi", **more}
        try:
            self.client.post("/api/generate", json=question, timeout=seconds)
        except httpx.TimeoutException:
            return
        raise AssertionError("it answered in time")

    def text(self) -> str:
        """The log."""
        return self.part.log.read_text("utf-8")

    def events(self) -> list[Event]:
        """What opskit's reader makes of the log."""
        return list(events(self.part.log.read_bytes(), 1, UTC))

    def statuses(self, path: str) -> list[int]:
        """Of the access lines for a path."""
        requests = [event.request for event in self.events() if event.request]
        return [request.status for request in requests if request.path == path and request.status is not None]


def objects(response: httpx.Response) -> list[dict[str, Any]]:
    """The lines of an NDJSON body."""
    return [json.loads(line) for line in response.text.splitlines()]


def _chat(content: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": content}], **more}
