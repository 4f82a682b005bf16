"""What the scripted HTTP parts have in common: the control file, JSON, streams, hanging, and clients that go away."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class ControlFile:
    """The faults of a part, as one JSON object in a file: a test writes it, the part reads it at each request."""

    def __init__(self, path: Path) -> None:
        """Take `path`; a file that is not there means no fault."""
        self.path = path

    def read(self) -> Json:
        """The faults that are switched on."""
        try:
            faults: Json = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return faults

    def set(self, **faults: object) -> None:
        """Switch on or change faults; the others stay."""
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text(json.dumps({**self.read(), **faults}), encoding="utf-8")
        fresh.replace(self.path)

    def clear(self) -> None:
        """Switch all faults off."""
        self.path.unlink(missing_ok=True)


class ClientGoneError(Exception):
    """The other side closed the connection before it had its answer."""


class Handler(BaseHTTPRequestHandler):
    """An HTTP/1.1 handler with answers as JSON or as a chunked stream."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Service
    status = 0  # of the answer that was begun; 0 before

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class has this name
        """Say nothing: each part writes its own log."""

    def send_response(self, code: int, message: str | None = None) -> None:
        """Remember the status for the part's log."""
        self.status = code
        super().send_response(code, message)

    def read_body(self) -> bytes:
        """The whole request body."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send_body(self, status: int, body: bytes, content_type: str, headers: Mapping[str, str] | None = None) -> None:
        """Send a complete answer."""
        try:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except OSError as error:
            raise self.lost() from error

    def send_json(self, status: int, answer: object, headers: Mapping[str, str] | None = None) -> None:
        """Send a JSON answer."""
        body = json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()
        self.send_body(status, body, "application/json; charset=utf-8", headers)

    def start_stream(self, content_type: str) -> None:
        """Send the head of a chunked answer."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, data: bytes) -> None:
        """Send one piece of the stream at once; an empty one ends it."""
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except OSError as error:
            raise self.lost() from error

    def lost(self) -> ClientGoneError:
        """The client left: this connection is of no more use."""
        self.close_connection = True
        return ClientGoneError()

    def client_gone(self, within_s: float) -> bool:
        """Wait up to `within_s` for the client to hang up."""
        readable, _, _ = select.select([self.connection], [], [], within_s)
        try:
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True

    def pause(self, seconds: float) -> None:
        """Let time pass; raise as soon as the client has left."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            started = time.monotonic()
            if self.client_gone(min(left, 0.1)):
                raise self.lost()
            # A client that already sent its next request makes the socket readable for good.
            time.sleep(max(0.0, min(left, 0.1) - (time.monotonic() - started)))

    def hang(self) -> None:
        """Never answer. Ends, by raising, when the client leaves."""
        while True:
            self.pause(3600)

    def handle_one_request(self) -> None:
        """Serve one request; a client that left is nothing to complain about."""
        self.status = 0
        try:
            super().handle_one_request()
        except (ClientGoneError, ConnectionError):
            self.close_connection = True


class Service(ThreadingHTTPServer):
    """The server of a scripted part: one thread per connection, on loopback."""

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, port: int, handler: type[Handler], log: Path, control: ControlFile) -> None:
        """Listen on `port` at once."""
        super().__init__(("127.0.0.1", port), handler)
        self.log = log
        self.control = control

    def write_log(self, text: str) -> None:
        """Append to the log in one write, so that threads and tests may write to the same file."""
        with self.log.open("ab", buffering=0) as log:
            log.write(text.encode() + b"\n")


def reason(error: Exception) -> str:
    """What an error says; some of http.client's say nothing."""
    return str(error) or type(error).__name__


def local_now() -> datetime:
    """The time of day in the host's zone."""
    return datetime.now(UTC).astimezone()
