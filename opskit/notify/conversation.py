"""The talk with a mail server, as long as it may take and no longer. The e-mail channel opens one per mail.

smtplib's timeout is per read: a server that sends a byte now and then would hold the sender for ever. Here one
deadline stands over the whole talk. It is measured with the monotonic stopwatch, which says nothing about the date.
"""

from __future__ import annotations

import io
import smtplib
import socket
import time
from typing import Any

_LEAST_S = 0.001


class _Listening(io.RawIOBase):
    """The incoming side of a socket under a deadline."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._sock.settimeout(_left(self._deadline))
        return self._sock.recv_into(buffer)


class Conversation(smtplib.SMTP):
    """smtplib.SMTP whose replies must all arrive within `timeout` seconds from now. Raises as smtplib does."""

    def __init__(self, host: str, port: int, timeout: float, **more: Any) -> None:
        self._deadline = time.monotonic() + timeout
        # Our own name: smtplib would ask the DNS for it, and a broken network is just when mail matters.
        super().__init__(host, port, local_hostname=_own_name(), timeout=timeout, **more)

    def send(self, s: Any) -> None:
        """Send to the server; the time for it is what is left of the deadline."""
        if self.sock is not None:
            self.sock.settimeout(_left(self._deadline))
        super().send(s)

    def getreply(self) -> tuple[int, bytes]:
        """Read the server's answer."""
        if self.file is None and self.sock is not None:
            self.file = io.BufferedReader(_Listening(self.sock, self._deadline))
        return super().getreply()


class TlsConversation(Conversation, smtplib.SMTP_SSL):
    """The same with TLS from the first byte; wants `context`."""


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return max(left, _LEAST_S)


def _own_name() -> str:
    name = socket.gethostname()
    # RFC 5321 4.1.4: a client without a full name gives its address.
    return name if "." in name and name.isascii() else "[127.0.0.1]"
