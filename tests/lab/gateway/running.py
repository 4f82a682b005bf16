"""A gateway process in front of a scripted Ollama, and how tests ask it."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx

from tests.lab.gateway.scripted_ollama import ScriptedOllama
from tests.lab.part_process import Part, eventually, free_port

KEY = "sk-lab-0123456789"


class Gateway:
    """The process and how to ask it."""

    def __init__(self, folder: Path, ollama: ScriptedOllama) -> None:
        """Not started yet; no rate limit unless a test wants it."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = {
            "listen": f"127.0.0.1:{self.port}",
            "ollama_api": ollama.url,
            "log": str(folder / "gateway.log"),
            "auth": {"valid_keys": ["another", KEY]},
            "rate_limit": {"enabled": False},
        }
        self.part = Part("gateway", folder, config)
        self.client = httpx.Client(trust_env=False, timeout=30)

    def start(self, **changes: Any) -> Gateway:
        """Start it with changes to the config."""
        self.part.config |= changes
        self.part.start(self.port)
        return self

    def reload(self, **changes: Any) -> None:
        """Change the config, send SIGHUP, and wait until the log says that it was read."""
        before = len(self.events("config.reloaded"))
        self.part.write_config(**changes)
        self.part.child.send_signal(signal.SIGHUP)
        eventually(lambda: len(self.events("config.reloaded")) > before)

    def ask(self, content: Any = "hi", key: str | None = KEY, path: str = "/v1/chat/completions", **more: Any) -> Any:
        """One request, whole."""
        headers = {**({"X-Api-Key": key} if key else {}), **more.pop("headers", {})}
        return self.client.post(self.url + path, json=question(content, **more), headers=headers)

    def stream(self, content: str = "hi", **more: Any) -> Any:
        """One request, its answer as a stream: a context manager."""
        headers = {"X-Api-Key": KEY, **more.pop("headers", {})}
        body = question(content, stream=True, **more)
        return self.client.stream("POST", f"{self.url}/v1/chat/completions", json=body, headers=headers)

    def leave_after(self, seconds: float, stream: bool = True, cut: bool = False) -> None:
        """Ask, wait, and hang up, whatever has come; with `cut` in the middle of the request."""
        body = json.dumps(question("hi", stream=stream)).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Api-Key: {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(head.encode() + (body[:5] if cut else body))
            time.sleep(seconds)

    def events(self, name: str) -> list[dict[str, Any]]:
        """The lines of the log with that name."""
        return [line for line in self.part.lines() if line["event"] == name]

    def end(self, count: int = 1) -> dict[str, Any]:
        """The `count`th end of a request, which is written after the answer has left."""
        eventually(lambda: len(self.events("request.end")) >= count, "no request.end")
        return self.events("request.end")[count - 1]


def question(content: Any, **more: Any) -> dict[str, Any]:
    """The body of a chat request."""
    return {"model": "qwen3:32b", "messages": [{"role": "user", "content": content}], **more}


def events(text: str) -> list[Any]:
    """The events of a stream; "[DONE]" as it is."""
    data = [line.removeprefix("data: ") for line in text.split("\n") if line]
    return [each if each == "[DONE]" else json.loads(each) for each in data]


def said(found: list[Any], field: str = "content") -> str:
    """What the events say, together."""
    choices = [event["choices"][0] for event in found if event != "[DONE]" and event.get("choices")]
    return "".join(choice["delta"].get(field, "") for choice in choices)
