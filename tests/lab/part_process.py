"""A part of the lab as a process of its own: written config, started, found listening, reloaded, ended."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from opskit.lab.ports import free_ports

WITHIN_S = 15.0


def free_port() -> int:
    """A port that nobody listens on just now, and that no outgoing connection will take."""
    return free_ports().gateway


def eventually(told: Callable[[], Any], what: str = "it did not happen") -> Any:
    """Return what `told` says as soon as it is true; fail when that takes too long."""
    deadline = time.monotonic() + WITHIN_S
    while not (answer := told()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return answer


class Part:
    """`python -m opskit.lab.NAME` with a config file and a log in `folder`."""

    def __init__(self, name: str, folder: Path, config: dict[str, Any]) -> None:
        """Not started yet."""
        self.name = name
        self.folder = folder
        self.config = config
        self.log = Path(config["log"])
        self.file = folder / f"{name}.yaml"
        self.output = folder / f"{name}.stderr"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def child(self) -> subprocess.Popen[bytes]:
        """The running process."""
        assert self._child is not None
        return self._child

    def start(self, port: int) -> None:
        """Start it and wait until it listens."""
        self.write_config()
        command = [sys.executable, "-m", f"opskit.lab.{self.name}", "--config", str(self.file)]
        with self.output.open("ab") as output:
            self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        eventually(lambda: self._listens(port), f"{self.name} does not listen")

    def write_config(self, **changes: Any) -> None:
        """Write the config file, with changes."""
        self.config = {**self.config, **changes}
        self.file.write_text(yaml.safe_dump(self.config))

    def stop(self) -> int:
        """End it politely and return its exit code; harmless when it does not run."""
        if self._child is None:
            return 0
        self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            return self.child.wait(10)
        finally:
            self._child = None

    def lines(self) -> list[dict[str, Any]]:
        """The log so far."""
        return [json.loads(line) for line in self.log.read_text().split("\n")[:-1]] if self.log.exists() else []

    def _listens(self, port: int) -> bool:
        assert self.child.poll() is None, self.output.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
