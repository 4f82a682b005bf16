"""Lines of everything around the gateway, as far as questions about requests can use them.

Ollama's log tells of requests in gin's access lines only; Clawdbot's, Nginx's error log and the kernel's of none.
journald and docker put another program's line into JSON: it is read as what it is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

from opskit.logs import gateway, gin, kernel, nginx_error, stamp
from opskit.logs.envelope import unwrap
from opskit.logs.request import Request

Parse = Callable[[bytes], Request | None]
# How lines of llama.cpp, of ggml and of Go programs begin that bear no time of their own.
_OLLAMA = re.compile(
    r"time=\d{4}-|\[GIN(?:-debug)?\]|(?:llama|llm|ggml|gguf|clip|load|print|common)_?\w*: "
    r"|(?:slot|srv|que|main|build|system|system_info|init|set|Device)\b.{0,40}: |SIG[A-Z]{3,5}: |goroutine \d|runtime\."
)


def ollama(line: bytes, zone: tzinfo) -> Request | None:
    """Return the request of gin's line; other lines of Ollama and its runner are `other`; None for foreign text.

    `zone` is the server's: gin writes local time.
    """
    opened = unwrap(line.decode("utf-8", "surrogateescape"), zone)
    access = gin.read(opened.text)
    if access is not None:
        return gin.request(access, zone)
    if not _OLLAMA.match(opened.text):
        return None
    own = stamp.slog(opened.text)
    return _other(own if own is not None else opened.at)


def tslog(line: bytes, zone: tzinfo) -> Request | None:
    """Read a line of Clawdbot or OpenClaw: `_meta` with the time, numbered fields with texts and objects."""
    record = gateway.decoded(line)
    meta = record.get("_meta") if record else None
    if record is None or not isinstance(meta, dict):
        return None
    told: dict[str, Any] = {"time": meta.get("date") or record.get("time")}
    for name in ("0", "1", "2", "3"):
        value = record.get(name)
        told |= value if isinstance(value, dict) else {"message": value} if isinstance(value, str) else {}
    told["time"] = meta.get("date") or record.get("time")
    request = gateway.told(told, zone=zone) if {"status", "statusCode", "status_code"} & told.keys() else None
    at = stamp.iso(told["time"], zone) if isinstance(told["time"], str) else None
    return request or (_other(at) if at is not None else None)


def error_log(line: bytes, zone: tzinfo) -> Request | None:
    """Read a line of Nginx's error log."""
    record = nginx_error.parse(line, zone)
    return _other(record.at) if record is not None else None


def kernel_log(line: bytes, zone: tzinfo) -> Request | None:
    """Read a line of the kernel that means something: an Xid, a kill for want of memory."""
    event = next(kernel.events(line, 1, zone), None)
    return _other(event.at) if event is not None else None


def wrapped(key: str, time: str, inner: Sequence[Parse], line: bytes) -> Request | None:
    """Read the line of another program out of the JSON of journald (`MESSAGE`) or docker (`log`)."""
    record = gateway.decoded(line)
    if record is None or key not in record or time not in record:
        return None
    said = record[key]
    if isinstance(said, list):  # journald writes what is no UTF-8 as numbers
        said = bytes(part for part in said if isinstance(part, int) and 0 <= part < 256).decode(
            "utf-8", "surrogateescape"
        )
    text = said.rstrip("\r\n").encode("utf-8", "surrogateescape") if isinstance(said, str) else b""
    found = next((request for parse in inner if (request := parse(text)) is not None), None)
    return found or _other(_written(record[time]))


def _written(said: object) -> float | None:
    if not isinstance(said, str):
        return None
    return int(said) / 1e6 if said.isascii() and said.isdigit() and len(said) < 20 else stamp.iso(said)


def _other(at: float | None) -> Request:
    return Request(at=math.nan if at is None else at, event="other")
