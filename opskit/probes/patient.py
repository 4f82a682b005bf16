"""A connection whose every wait ends with one deadline, so that a server which drips single bytes cannot outlast it.

A socket's own time-out starts anew with each byte that arrives; `http.client` reads heads and lines byte after byte.
"""

from __future__ import annotations

import io
import socket
from collections.abc import Callable
from typing import Any

Patience = Callable[[], float]
"""Returns the seconds that are left, more than zero. Raises TimeoutError where none are."""


class Patient:
    """What `http.client` needs of a socket. The socket itself belongs to the caller, who closes it."""

    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        self._sock = sock
        self._patience = patience

    def sendall(self, data: Any) -> None:
        """Send all of it within the time that is left."""
        self._sock.settimeout(self._patience())
        self._sock.sendall(data)

    def makefile(self, *_mode: str) -> io.BufferedReader:
        """Return what the other side sends, as a file."""
        return io.BufferedReader(_Incoming(self._sock, self._patience))

    def close(self) -> None:
        """Do nothing: see the class."""


class _Incoming(io.RawIOBase):
    def __init__(self, sock: socket.socket, patience: Patience) -> None:
        super().__init__()
        self._sock = sock
        self._patience = patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(self._patience())
        return self._sock.recv_into(buffer)
