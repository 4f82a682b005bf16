"""What the program file of the installed Nginx tells: its version, and whether it knows a directive by name.

Every module, built in or loaded, holds the names of its directives as strings of C. A name that stands in none of the
files is one that this Nginx refuses to load.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from opskit.model.regex import regex
from opskit.probes.nginx_config_evidence import Fault

_FOLDERS = ("/usr/share/nginx", "/usr/lib/nginx", "/usr/lib64/nginx", "/etc/nginx", "/usr/local/nginx")
_MOST_BYTES = 64 << 20
_VERSION = regex(rb"\0nginx/(\d+\.\d+\.\d+)[\0 ]")


class Program:
    """The file, and the modules that a configuration loads; `whole` is False where one of them was not found."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._parts = list[bytes]()
        found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")
        wanted = [found, *(_module(name) for name in modules)]
        for path in wanted:
            self._parts += [data for data in (_read(path),) if data]
        self.whole = bool(found) and len(self._parts) == len(wanted)

    @property
    def version(self) -> str:
        """Like `1.22.1`; empty where it is no Nginx of nginx.org, or none is installed."""
        told = _VERSION.search(self._parts[0]) if self._parts else None
        return told[1].decode() if told else ""

    def refused(self, strange: Sequence[Fault]) -> list[Fault]:
        """Return those of the directives that it does not know."""
        if not self.whole or not self.version:
            return []
        return [each for each in strange if not any(_holds(part, each.text) for part in self._parts)]


def _holds(part: bytes, name: str) -> bool:
    return name.encode("utf-8", "replace") + b"\0" in part  # linkers keep one string inside the end of another


def _module(name: str) -> str | None:
    return next((path for folder in _FOLDERS if Path(path := f"{folder}/{name}").is_file()), None) if name else None


def _read(path: str | None) -> bytes:
    try:
        if path is None or not Path(path).is_file() or Path(path).stat().st_size > _MOST_BYTES:
            return b""
        return Path(path).read_bytes()
    except (OSError, ValueError):
        return b""
