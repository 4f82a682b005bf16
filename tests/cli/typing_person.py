"""A person at a terminal: a real pseudo-terminal, on which the program runs as it would in a window."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_PATIENCE_S = 30.0


class Person:
    """Starts `opskit WORDS` at a terminal of its own, types, and reads what comes."""

    def __init__(self, words: Sequence[str], env: dict[str, str], ahead: bytes = b"") -> None:
        # Theirs stays open here as well: a terminal that nobody has open yet is one that everybody left.
        self._mine, self._theirs = pty.openpty()
        if ahead:
            os.write(self._mine, ahead)
        # Whoever leads a session and opens a terminal gets it as its own, Ctrl-C included.
        command = ["sh", "-c", 'tty=$1; shift; exec "$@" <"$tty" >"$tty" 2>&1', "sh", os.ttyname(self._theirs)]
        self._child = subprocess.Popen(
            [*command, sys.executable, "-m", "opskit", *words], env=env, cwd=ROOT, start_new_session=True
        )
        self.seen, self._bytes = "", b""
        self._read = 0

    def reads(self, text: str) -> None:
        """Read on until `text` came."""
        end = time.monotonic() + _PATIENCE_S
        while text not in self.seen[self._read :]:
            assert time.monotonic() < end, self.seen
            assert self._more(1.0) or self._child.poll() is None, self.seen
        self._read = self.seen.index(text, self._read) + len(text)

    def types(self, text: str) -> None:
        """Press these keys."""
        os.write(self._mine, text.encode())

    def leaves(self) -> int:
        """Read to the end and return the exit code."""
        end = time.monotonic() + _PATIENCE_S
        while self._child.poll() is None:
            assert time.monotonic() < end, self.seen
            self._more(0.05)
        while self._more(0):
            pass
        os.close(self._mine)
        os.close(self._theirs)
        return self._child.returncode

    def _more(self, seconds: float) -> bool:
        if not select.select([self._mine], [], [], seconds)[0]:
            return False
        self._bytes += os.read(self._mine, 1 << 16)
        self.seen = self._bytes.decode("utf-8", "replace").replace("\r\n", "\n")
        return True
