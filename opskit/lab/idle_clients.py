"""Clients that begin to speak TLS and say no more, until a signal. Run: `python -m opskit.lab.idle_clients PORT COUNT`.

A connection on which nothing was said is one that Nginx drops as soon as it needs another (ngx_drain_connections); in
the middle of a handshake it has to be kept until client_header_timeout. With a third word they say nothing at all, for
a server that speaks plain HTTP and would not understand the handshake.
"""

from __future__ import annotations

import socket
import sys
import time
from contextlib import suppress

_HALF_A_HELLO = bytes.fromhex("16030102000100")
_LOOK_S = 0.5


def main(port: int, count: int, *, silent: bool = False) -> None:
    """Hold so many connections to a loopback port; one that the other side has closed is begun anew."""
    held: list[socket.socket] = []
    while True:
        held = [client for client in held if _open(client)]
        for _ in range(count - len(held)):
            with suppress(OSError):
                client = socket.create_connection(("127.0.0.1", port), timeout=1)
                held.append(client)
                client.sendall(b"" if silent else _HALF_A_HELLO)
        time.sleep(_LOOK_S)


def _open(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        closed = client.recv(1) == b""
    except BlockingIOError:
        return True
    except OSError:
        closed = True
    if closed:
        client.close()
    return not closed


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), silent=len(sys.argv) > 3)
