"""One part as a process: started, found ready, frozen, stopped, killed, started again on the same port."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.stand_ins import guard

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 15.0


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on, from below the range that outgoing connections take."""
    ports: list[int] = []
    for port in random.sample(range(20_000, 32_000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            ports.append(port)
            if len(ports) == count:
                return ports
    raise RuntimeError("too few free ports between 20000 and 32000")


def listens(port: int) -> bool:
    """Whether somebody accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A command in a process group of its own; its output goes to `output`, to be shown when it fails to start."""

    def __init__(self, command: Sequence[str], port: int, output: Path, env: Mapping[str, str] | None = None) -> None:
        """`port` is the one it will listen on; `env` is added to the present environment."""
        self.command = list(command)
        self.port = port
        self.output = output
        self.env = {**os.environ, **(env or {})}
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of the running process, which is also its group's."""
        if self._child is None:
            raise RuntimeError(f"not running: {self.command}")
        return self._child.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and self._child.poll() is None

    def start(self, wait: bool = True) -> None:
        """Start it, and wait until it listens unless `wait` is false."""
        if self.running:
            return
        with self.output.open("ab") as output:
            self._child = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                process_group=0,
            )  # fmt: skip
        guard.watch(self._child.pid)
        if wait:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Return when it accepts connections; raise with its output when it ended or does not get there."""
        deadline = time.monotonic() + READY_WITHIN_S
        while not listens(self.port):
            if not self.running or time.monotonic() > deadline:
                ended = "did not get ready" if self.running else "ended"
                self.kill()
                raise RuntimeError(f"{self.command} {ended}:\n{self.output.read_text(errors='replace')}")
            time.sleep(0.02)

    def stop(self, within_s: float = 3.0) -> None:
        """End it politely, then by force; harmless when it does not run."""
        if self._child is None:
            return
        self.thaw()
        self._signal(signal.SIGTERM, group=False)
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(within_s)
        self.kill()

    def kill(self) -> None:
        """End it and all that it started, as the kernel's OOM killer would."""
        if self._child is None:
            return
        self._signal(signal.SIGKILL)
        self._child.wait()
        guard.forget(self._child.pid)
        self._child = None

    def freeze(self) -> None:
        """Stop it in its tracks: its sockets accept, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        self._signal(signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        self._signal(number, group=False)

    def _signal(self, number: signal.Signals, group: bool = True) -> None:
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)
