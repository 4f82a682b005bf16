"""Clients that connect and ask nothing, until a signal. Run: `python -m opskit.lab.idle_clients PORT COUNT`."""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import suppress


def main(port: int, count: int) -> None:
    """Open so many connections to a loopback port and hold them."""
    held = []
    for _ in range(count):
        with suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port), timeout=1))
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
