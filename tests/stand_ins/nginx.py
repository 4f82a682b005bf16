"""Real nginx as an ordinary process in a directory of its own, as root or not, with the reference site or a better one.

The sites are templates in `sites/`. Beside the reference deployment's layout (sites-available, sites-enabled,
certificates in live/<domain>/) nothing is shared with an nginx of this host.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from opskit.lab.nginx.certificates import Certificates, issue_valid
from tests.stand_ins.process import Process

_SITES = Path(__file__).with_name("sites")
SITE = "qwen3-prod"


@dataclass(frozen=True)
class NginxSettings:
    """`read_timeout` is nginx's `proxy_read_timeout`; None leaves nginx's default of 60 s."""

    http_port: int
    https_port: int
    clawdbot_port: int
    gateway_port: int
    profile: Literal["reference", "recommended"] = "reference"
    read_timeout: str | None = None
    error_level: str = "error"
    server_name: str = "chat.example.test"
    certificate_days: float = 60


class Nginx:
    """One nginx: a context manager, or `start` and `stop`."""

    def __init__(self, prefix: Path, settings: NginxSettings) -> None:
        """Write configuration and certificates below `prefix`; nothing runs yet."""
        self.prefix = prefix
        self.settings = settings
        self.conf = prefix / "nginx.conf"
        self.access_log = prefix / "logs" / "access.log"
        self.error_log = prefix / "logs" / "error.log"
        for folder in ("logs", "temp", "html", "sites-available", "sites-enabled"):
            (prefix / folder).mkdir(parents=True, exist_ok=True)
        self.certificates: Certificates = issue_valid(
            prefix / "letsencrypt", settings.server_name, settings.certificate_days
        )
        self.write_configuration(settings)
        # -e keeps the messages of the start, before error_log is read, out of the host's own log directory.
        command = ["nginx", "-e", str(self.error_log), "-p", str(prefix), "-c", str(self.conf)]
        self.process = Process(command, settings.https_port, prefix / "nginx.out")

    @property
    def ca_file(self) -> Path:
        """What a client of this nginx has to trust."""
        return self.certificates.ca_file

    @property
    def url(self) -> str:
        """The front door."""
        return f"https://127.0.0.1:{self.settings.https_port}/"

    @property
    def site(self) -> Path:
        """The site file, for tests that break it."""
        return self.prefix / "sites-available" / SITE

    def write_configuration(self, settings: NginxSettings) -> None:
        """Render the templates; a running nginx takes them over with `reload`."""
        self.settings = settings
        values = {
            # Workers of root would become `nobody`, who may not enter a private directory.
            "user": "user root root;" if os.geteuid() == 0 else "",
            "prefix": str(self.prefix),
            "certificates": str(self.certificates.directory),
            "read_timeout": f"proxy_read_timeout {settings.read_timeout};" if settings.read_timeout else "",
            **{name: str(getattr(settings, name)) for name in ("http_port", "https_port", "clawdbot_port")},
            **{name: str(getattr(settings, name)) for name in ("gateway_port", "server_name", "error_level")},
        }
        self.conf.write_text(_filled("nginx.conf", values))
        self.site.write_text(_filled(f"{settings.profile}.conf", values))
        enabled = self.prefix / "sites-enabled" / SITE
        if not enabled.is_symlink():
            enabled.symlink_to(self.site)

    def start(self, wait: bool = True) -> None:
        """Start it; an error in the configuration raises with nginx's own words."""
        try:
            self.process.start(wait)
        except RuntimeError as error:
            said = self.error_log.read_text(errors="replace") if self.error_log.exists() else ""
            raise RuntimeError(f"{error}\n{said}") from error

    def stop(self) -> None:
        """Stop master and workers."""
        self.process.stop()

    def reload(self) -> None:
        """Take over a changed configuration, and wait until the old worker accepts no more.

        A configuration with an error is not tried, and raises with nginx's words.
        """
        tested = subprocess.run([*self.process.command, "-t"], capture_output=True, text=True)
        if tested.returncode:
            raise RuntimeError(tested.stderr)
        self._until(lambda: bool(self._accepting()))  # before its first worker the master does not know the signal
        before = self._accepting()
        self.process.send(signal.SIGHUP)
        self._until(lambda: bool(self._accepting() - before) and not self._accepting() & before)

    def rotate(self) -> None:
        """What logrotate does: rename both logs, then USR1, and wait until Nginx writes to the new ones."""
        for log in (self.access_log, self.error_log):
            log.replace(log.with_name(log.name + ".1"))
        self.process.send(signal.SIGUSR1)
        self._until(lambda: self.access_log.exists() and self.error_log.exists())

    def _until(self, reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 5
        while not reached():
            if time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not get there:\n{self.error_log.read_text(errors='replace')}")
            time.sleep(0.02)

    def _accepting(self) -> set[str]:
        """The workers that are not on their way out; nginx says so in their titles."""
        pid = self.process.pid
        workers = set()
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            with suppress(FileNotFoundError, ProcessLookupError):
                title = Path(f"/proc/{child}/cmdline").read_bytes()
                if title.rstrip(b"\0 ") == b"nginx: worker process":
                    workers.add(child)
        return workers

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()


def _filled(template: str, values: dict[str, str]) -> str:
    text = (_SITES / template).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
