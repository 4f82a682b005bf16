"""A server that says exactly what a test wants it to say, well-formed or not, over a real socket and real TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Script = Callable[["Talk"], None]


class Talk:
    """One connection: what the client sent, and the means to answer."""

    def __init__(self, sock: socket.socket, over: threading.Event) -> None:
        self.sock = sock
        self.over = over

    def hear(self) -> bytes:
        """Return one whole request."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.sock.recv(65536)
            if not piece:
                return data
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        size = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
        while len(body) < size:
            body += self.sock.recv(65536)
        return head + b"\r\n\r\n" + body

    def drip(self, data: bytes, every_s: float = 0.03) -> None:
        """Send byte after byte, and begin again at the end, until the client has left."""
        while not self.over.is_set():
            for byte in data:
                self.sock.sendall(bytes([byte]))
                if self.over.wait(every_s):
                    return

    def hang(self) -> None:
        """Keep the connection and say nothing."""
        self.over.wait(20)


class Server:
    """Where it listens, and what it was sent."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.scheme = scheme
        self.heard = list[bytes]()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def path(self, number: int = 0) -> str:
        return self.heard[number].split(b" ")[1].decode()


def answer(status: str = "200 OK", body: str | bytes = "", headers: str = "") -> bytes:
    """A whole answer with its length."""
    data = body.encode() if isinstance(body, str) else body
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n{headers}\r\n".encode() + data


@contextmanager
def serving(
    script: Script | bytes,
    context: ssl.SSLContext | None = None,
    listens: bool = True,
    at: tuple[str, int] = ("127.0.0.1", 0),
) -> Iterator[Server]:
    """Serve: bytes answer every request, a script gets each connection; unless it `listens`, nobody accepts."""
    over, threads = threading.Event(), list[threading.Thread]()
    with socket.create_server(at, backlog=64) as listener:
        found = Server(listener.getsockname()[1], "https" if context else "http")

        def talk(plain: socket.socket) -> None:
            with suppress(OSError), plain:
                plain.settimeout(20)
                sock = context.wrap_socket(plain, server_side=True) if context else plain
                with sock:
                    one = Talk(sock, over)
                    if isinstance(script, bytes):
                        found.heard.append(one.hear())
                        sock.sendall(script)
                    else:
                        script(one)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    sock, _ = listener.accept()
                    thread = threading.Thread(target=talk, args=(sock,), daemon=True)
                    thread.start()
                    threads.append(thread)

        if listens:
            threading.Thread(target=accept, daemon=True).start()
        try:
            yield found
        finally:
            over.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(5)


def refused_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
