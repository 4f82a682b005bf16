"""The user: one HTTP request with a deadline for all of it, and the time at which each piece of the answer came."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit


class Reply(NamedTuple):
    """What the user saw: the status (0: no answer in time, or none at all), the seconds it took, the text."""

    status: int
    seconds: float
    text: str


@dataclass
class Answer:
    """A whole answer. `pieces` are (seconds since the request, bytes); `error` says why it is not complete."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    seconds: float = 0.0
    error: str | None = None

    @property
    def text(self) -> str:
        """The body."""
        return b"".join(data for _, data in self.pieces).decode(errors="replace")


def send(
    method: str, url: str, body: object = None, headers: Mapping[str, str] | None = None,
    ca_file: Path | None = None, timeout: float = 30,
) -> Answer:  # fmt: skip
    """Send a request (`body` becomes JSON) and read the answer; never raises for what the network does."""
    answer, started = Answer(), time.monotonic()
    connection = _connection(url, ca_file, timeout)
    where = urlsplit(url)
    target = (where.path or "/") + (f"?{where.query}" if where.query else "")
    payload = None if body is None else json.dumps(body)
    try:
        connection.connect()
        sock = connection.sock
        connection.request(method, target, payload, {"Content-Type": "application/json", **(headers or {})})
        _read(connection, sock, answer, started, timeout)
    except (OSError, http.client.HTTPException) as error:
        answer.error = f"{type(error).__name__}: {error}"
    finally:
        connection.close()
    answer.seconds = time.monotonic() - started
    return answer


def _connection(url: str, ca_file: Path | None, timeout: float) -> http.client.HTTPConnection:
    where = urlsplit(url)
    if where.scheme == "http":
        return http.client.HTTPConnection(where.hostname or "", where.port, timeout=timeout)
    trust = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    return http.client.HTTPSConnection(where.hostname or "", where.port, timeout=timeout, context=trust)


def _read(
    connection: http.client.HTTPConnection, sock: socket.socket, answer: Answer, started: float, timeout: float
) -> None:
    response = connection.getresponse()
    answer.status = response.status
    answer.headers = {name.lower(): value for name, value in response.getheaders()}
    while True:
        left = started + timeout - time.monotonic()
        if left <= 0:
            raise TimeoutError("the answer did not end in time")
        if sock.fileno() >= 0:  # closed by the library once it has all of an answer
            sock.settimeout(left)
        data = response.read1(65536)
        if not data:
            return
        answer.pieces.append((time.monotonic() - started, data))


def event_contents(text: str) -> tuple[str, bool]:
    """The text of a stream of server-sent events, OpenAI's or Clawdbot's, and whether it ended with [DONE]."""
    contents, done = [], False
    for line in text.splitlines():
        if not line.startswith("data: "):
            continue
        if line == "data: [DONE]":
            done = True
            continue
        event = json.loads(line[len("data: ") :])
        choices = event.get("choices")
        contents.append((choices[0]["delta"] if choices else event).get("content", ""))
    return "".join(contents), done
