"""The two kinds of line Ollama writes: gin's access line and Go's slog text.

Forms after gin v1.10 `logger.go` (`"%3d | %13v | %15s | %-7s %#v"`, local time without a zone) and log/slog's
TextHandler (values quoted where they have blanks, quotes or an equals sign).
"""

from __future__ import annotations

import json
import re
from datetime import datetime


def go_duration(seconds: float) -> str:
    """A Go `time.Duration` as gin prints it: whole seconds from one minute on."""
    nanoseconds = round(seconds * 1e9)
    if nanoseconds >= 60 * 10**9:
        minutes, rest = divmod(nanoseconds // 10**9, 60)
        hours, minutes = divmod(minutes, 60)
        return (f"{hours}h" if hours else "") + f"{minutes}m{rest}s"
    for size, unit in ((10**9, "s"), (10**6, "ms"), (10**3, "µs")):
        if nanoseconds >= size:
            fraction = f"{nanoseconds % size:0{len(str(size)) - 1}d}".rstrip("0")
            return f"{nanoseconds // size}{'.' + fraction if fraction else ''}{unit}"
    return f"{nanoseconds}ns" if nanoseconds else "0s"


def gin(time: datetime, status: int, seconds: float, method: str, path: str, client: str = "127.0.0.1") -> str:
    """An access line; `time` is that of the request's end."""
    stamp = time.strftime("%Y/%m/%d - %H:%M:%S")
    return f'[GIN] {stamp} | {status:3d} | {go_duration(seconds):>13} | {client:>15} | {method:<7}  "{path}"'


def slog(time: datetime, level: str, source: str, message: str, **values: object) -> str:
    """A line of the server itself. `time` needs a zone. Keys with blanks can be given as `**{"total vram": ...}`."""
    stamp = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    pairs = " ".join(f"{_quoted(key)}={_quoted(str(value))}" for key, value in values.items())
    return f"time={stamp} level={level} source={source} msg={_quoted(message)} {pairs}".rstrip()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if not text or re.search(r'[\s"=]', text) else text
