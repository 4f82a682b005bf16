"""A port that swallows: connections to it are neither accepted nor refused, as behind a firewall that drops packets.

Linux drops the SYN of a connection for which the accept queue has no room (tcp(7), listen(2)).
Run: `python -m opskit.lab.black_hole PORT`; ends by a signal.
"""

from __future__ import annotations

import signal
import socket
import sys


def main(port: int) -> None:
    """Listen without ever accepting, with the queue filled by ourselves."""
    server = socket.create_server(("127.0.0.1", port), backlog=0)
    held = [server]
    for _ in range(3):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        held.append(client)
    signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]))
