"""Configurations of Nginx for tests: written, read by the probe, tried by the real Nginx."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from opskit.lab.nginx.site import binary
from opskit.model.reading import Reading
from opskit.probes.base import Deadline
from opskit.probes.nginx_config import Args, NginxConfigProbe

GATEWAY, CLAWDBOT = "http://127.0.0.1:18789", "http://127.0.0.1:8080"
HEAD = "pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\nhttp {{ {temp}\n"
TEMP = " ".join(f"{kind}_temp_path {{folder}}/temp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))


def site(folder: Path, inside: str, *, name: str = "nginx.conf") -> Path:
    """Write a configuration whose `http` begins in line 1, with `inside` from line 2 on."""
    path = folder / name
    temp = TEMP.format(folder=folder)
    path.write_text(HEAD.format(folder=folder, temp=temp) + inside + "\n}\n", "utf-8")
    return path


def told(path: Path, *, url: str = "https://127.0.0.1/", seconds: float = 20.0, **more: str) -> Reading:
    """What the probe reads there."""
    probe = NginxConfigProbe()
    args = Args(str(path), url, **{"gateway": GATEWAY, "clawdbot": CLAWDBOT, **more})
    return probe.read(probe.collect(args, Deadline(seconds)), args, datetime.now(UTC))


def words(folder: Path, path: Path) -> list[str]:
    """The command line of an Nginx with this configuration."""
    program = binary()
    assert program is not None
    return [program, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(path)]


def accepted(folder: Path, path: Path) -> bool:
    """Whether `nginx -t` takes it."""
    return subprocess.run([*words(folder, path), "-t"], capture_output=True, timeout=30).returncode == 0


@contextmanager
def running(folder: Path, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An Nginx that is up."""
    process = subprocess.Popen([*words(folder, path), "-g", "daemon off;"], stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
