"""The loopback ports of a lab."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

import msgspec


class Ports(msgspec.Struct, frozen=True):
    """Loopback ports; `nowhere` is where users get to whose way to the host is cut."""

    http: int
    https: int
    clawdbot: int
    gateway: int
    ollama: int
    nowhere: int


def free_ports() -> Ports:
    """Ports that nobody listens on, from below the range that outgoing connections take."""
    found: list[int] = []
    for port in random.sample(range(20_000, 32_000), 400):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
            if len(found) == len(Ports.__struct_fields__):
                return Ports(*found)
    raise OSError("too few free ports between 20000 and 32000")
