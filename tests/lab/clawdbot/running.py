"""A chat UI process and how tests ask it."""

from __future__ import annotations

import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import httpx

from tests.lab.gateway.running import KEY
from tests.lab.part_process import Part, eventually, free_port


class Clawdbot:
    """The process."""

    def __init__(self, folder: Path, gateway: str) -> None:
        """Not started yet."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        key_file = folder / "gateway.key"
        key_file.write_text(KEY + "\n")
        config = {
            "server": {"port": self.port},
            "ui": {"title": "Ask <Qwen>"},
            "backend": {"api_base": f"{gateway}/v1", "api_key_file": str(key_file)},
            "log": str(folder / "clawdbot.log"),
        }
        self.part = Part("clawdbot", folder, config)
        self.client = httpx.Client(trust_env=False, timeout=30)

    def start(self, **changes: Any) -> Clawdbot:
        """Start it with changes to the config."""
        self.part.config |= changes
        self.part.start(self.port)
        return self

    def reload(self, **changes: Any) -> None:
        """Change the config, send SIGHUP, and wait until the log says that it was read."""
        before = self.said().count("config reloaded")
        self.part.write_config(**changes)
        self.part.child.send_signal(signal.SIGHUP)
        eventually(lambda: self.said().count("config reloaded") > before)

    def chat(self, message: str = "hi", **more: Any) -> httpx.Response:
        """One message, its answer whole."""
        headers = more.pop("headers", {})
        return self.client.post(f"{self.url}/api/chat", json={"message": message, **more}, headers=headers)

    def leave_after(self, seconds: float) -> None:
        """Send a message, wait, and hang up."""
        body = json.dumps({"message": "hi"}).encode()
        head = f"POST /api/chat HTTP/1.1\r\nHost: x\r\nX-Request-Id: left\r\nContent-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
            connection.sendall(head.encode() + body)
            time.sleep(seconds)

    def said(self) -> list[str]:
        """The messages in the log."""
        return [line["1"] for line in self.part.lines()]
