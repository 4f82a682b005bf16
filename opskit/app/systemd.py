"""What systemd is told of this service, and how often it wants to hear that it is alive (sd_notify(3)).

Without a `$NOTIFY_SOCKET`, as at a terminal, nobody is told anything.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Systemd:
    """The service manager behind a socket; `patience_s` is after how many silent seconds it ends the service."""

    def __init__(self, address: str = "", patience_s: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.patience_s = patience_s

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] = os.environ) -> Systemd:
        """Return the manager that the environment names. `$WATCHDOG_PID` may mean another process of the service."""
        usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
        meant = usec.isdecimal() and int(usec) > 0 and pid in {"", str(os.getpid())}
        return cls(environ.get("NOTIFY_SOCKET", ""), int(usec) / 1e6 if meant else None)

    def ready(self, status: str) -> None:
        """The service does its work."""
        self._tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service finishes what is under way."""
        self._tell("STOPPING=1")

    def alive(self) -> None:
        """The service gets on."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        # A manager that does not listen is no reason to stop working.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto("\n".join(line.replace("\n", " ") for line in lines).encode(), self._address)
