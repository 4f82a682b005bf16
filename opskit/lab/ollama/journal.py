"""The log of the server: gin's access lines, Go's slog lines, and whatever a runner prints.

Forms after gin v1.10 logger.go (`"%3d | %13v | %15s | %-7s %#v"`, local time without a zone) and log/slog's
TextHandler (values quoted where they have blanks, quotes or an equals sign).
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Literal

from opskit.lab.part import LogFile, local_now

Level = Literal["DEBUG", "INFO", "WARN", "ERROR"]

_QUOTE = re.compile(r'[\s"=]|[^ -~]')
_SIZES = ((10**9, "s", 9), (10**6, "ms", 6), (10**3, "µs", 3))


class Journal:
    """Writes the lines."""

    def __init__(self, path: Path) -> None:
        """Append to `path`; raises ConfigError."""
        self._file = LogFile(path)

    def reopen(self, path: Path) -> None:
        """Go on in a fresh file; raises ConfigError."""
        self._file.reopen(path)

    def raw(self, text: str) -> None:
        """Append text as it is: output of a runner, or a dump."""
        self._file.write(text)

    def slog(self, level: Level, source: str, message: str, **values: object) -> None:
        """Append a line of the server itself. Keys with blanks can be given as `**{"total vram": ...}`."""
        self._file.write(slog(local_now(), level, source, message, **values))

    def gin(self, status: int, seconds: float, client: str, method: str, path: str) -> None:
        """Append an access line: a request has ended."""
        self._file.write(gin(local_now(), status, seconds, method, path, client))


def slog(time: datetime, level: Level, source: str, message: str, **values: object) -> str:
    """A line of the server itself, after log/slog's TextHandler. `time` needs a zone."""
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pairs = "".join(f" {quoted(key)}={quoted(str(value))}" for key, value in values.items())
    return f"time={stamp} level={level} source={source} msg={quoted(message)}{pairs}"


def gin(time: datetime, status: int, seconds: float, method: str, path: str, client: str = "127.0.0.1") -> str:
    """An access line, after gin v1.10 `logger.go`: local time without a zone. `time` is that of the request's end."""
    stamp, spent = time.strftime("%Y/%m/%d - %H:%M:%S"), f"{go_duration(seconds):>13}"
    target = json.dumps(path, ensure_ascii=False)
    return f"[GIN] {stamp} | {status:3d} | {spent} | {client:>15} | {method:<7}  {target}"


def quoted(text: str) -> str:
    """A value as slog writes it."""
    return json.dumps(text, ensure_ascii=False) if not text or _QUOTE.search(text) else text


def go_duration(seconds: float) -> str:
    """A Go `time.Duration`; from one minute on whole seconds, as gin truncates it."""
    nanoseconds = round(seconds * 1e9)
    if nanoseconds >= 60 * 10**9:
        minutes, rest = divmod(nanoseconds // 10**9, 60)
        hours, minutes = divmod(minutes, 60)
        return (f"{hours}h" if hours else "") + f"{minutes}m{rest}s"
    for size, unit, digits in _SIZES:
        if nanoseconds >= size:
            fraction = f"{nanoseconds % size:0{digits}d}".rstrip("0")
            return f"{nanoseconds // size}{'.' + fraction if fraction else ''}{unit}"
    return f"{nanoseconds}ns" if nanoseconds else "0s"


def gibibytes(count: float) -> str:
    """A size as Ollama's format.HumanBytes2 writes it."""
    for size, unit in ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{int(count)} B"
