"""Lines of everything around the gateway, as far as questions about requests can use them.

Ollama's log tells of requests in gin's access lines only; Clawdbot's, Nginx's error log and the kernel's of none.
journald and docker put another program's line into JSON: it is read as what it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import tzinfo
from typing import Any

from opskit.logs import gateway, gin, kernel, logfmt, nginx_error, stamp
from opskit.logs.envelope import Opened, unwrap
from opskit.logs.form import Format, inside
from opskit.logs.gateway_fields import TimeUnit, of_a_request
from opskit.logs.request import Request
from opskit.model.regex import regex

# How lines of llama.cpp, of ggml and of Go programs begin that bear no time of their own; and slog's, as Ollama has it.
_OLLAMA = regex(
    r"time=\S{10,40} level=\S{1,16} source=[\w./-]{1,80}\.go:\d|\[GIN(?:-debug)?\]"
    r"|(?:llama|llm|ggml|gguf|clip|load|print|common|alloc)_?\w*: "
    r"|(?:slot|srv|que|cmn|main|build|system|system_info|init|set|Device)\b.{0,40}: |SIG[A-Z]{3,5}: |runtime\."
    r"|(?:CUDA|ROCm) error|GGML_ASSERT|current device: \d|\S{1,200}:\d{1,6}: CUDA error"
    r"|panic: |fatal error: |\[signal |goroutine \d|created by \S|[\w./*()@-]{3,200}\((?:0x|\.\.\.|\{)"
    r"|\S{1,200}\.(?:go|s):\d{1,6}(?: \+0x[0-9a-f]{1,16})?$|r\w{1,2} +0x[0-9a-f]|exit status \d"
)
# Until 0.1.3x Go's own log, and its runner's (mid-2024); after that slog. ext_server wrote JSON.
_GO_LOG = regex(r"(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) [\w.-]{1,80}\.go:\d{1,6}: ")
_RUNNER = regex(r"(?:VERB|DEBUG|INFO|WARN|WARNING|ERR|ERROR) \[\w{1,80}\] .{0,4000}\| .{0,4000}\btimestamp=(\d{10})\b")
_EXT_SERVER = regex(rb'\{"function":"\w{1,80}","level":"[A-Z]{1,10}","line":\d{1,6},"msg":')
_KERNEL = regex(rb"(?:<\d{1,3}>)?(?:[^\n\[{]{10,300} )?kernel: |\[ *\d{1,10}\.\d{6}\] ")
# A record of the error log goes on with what PHP or Lua printed, and ends with the fields that Nginx adds.
_CONTINUED = regex(
    rb"[ \t]+\S|#\d{1,4} |(?:PHP|Lua) |[Ss]tack trace(?:back)?:"
    rb"|.{0,2048}, client: [^ ,]{1,160}, server: [^,]{0,255}(?:,|$)"
)


def ollama(line: bytes, zone: tzinfo) -> Request | None:
    """Return the request of gin's line; other lines of Ollama and its runner are `other`; None for foreign text.

    `zone` is the server's: gin writes local time.
    """
    opened = unwrap(line.decode("utf-8", "surrogateescape"), zone)
    access = gin.read(opened.text)
    if access is not None:
        return gin.request(access, zone)
    if not (opened.level or _OLLAMA.match(opened.text) or _EXT_SERVER.match(line)):
        return _older(opened, zone)
    own = stamp.slog(opened.text)
    return _other(own if own is not None else opened.at)


def _older(opened: Opened, zone: tzinfo) -> Request | None:
    if match := _GO_LOG.match(opened.text):
        return _other(stamp.gin(match[1], zone))
    match = _RUNNER.match(opened.text)
    return _other(float(match[1])) if match else None


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


def error_lines(line: bytes, zone: tzinfo) -> Request | None:
    """Read a line of a file that is an error log: there, a record may go on over several lines."""
    found = error_log(line, zone)
    return _other(None) if found is None and _CONTINUED.match(line) else found


def kernel_log(line: bytes, zone: tzinfo) -> Request | None:
    """Read a line of the kernel."""
    event = next(kernel.events(line, 1, zone), None)
    if event is not None:
        return _other(event.at)
    return _other(unwrap(line.decode("utf-8", "replace"), zone).at) if _KERNEL.match(line) else None


def gateway_line(line: bytes, time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    """Read a line of a gateway; one that has a time and is not about a request is `other`."""
    record = gateway.decoded(line)
    return _audited(record, time_unit, zone) if record is not None else None


def logfmt_line(line: bytes, time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    """Read a line of `key=value` in the same way."""
    record = logfmt.pairs(line)
    return _audited(record, time_unit, zone) if record is not None else None


def _audited(record: dict[str, Any], time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    found = gateway.told(record, time_unit, zone)
    if found is not None or any(of_a_request(key) for key, _ in gateway.flat(record)):
        return found
    at = gateway.moment(record, zone)
    return _other(at) if at is not None else None


def wrapped(key: str, time: str, inner: Sequence[Format], line: bytes) -> Request | None:
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
    return inside(inner, text) or _other(_written(record[time]))


def _written(said: object) -> float | None:
    if not isinstance(said, str):
        return None
    return int(said) / 1e6 if said.isascii() and said.isdigit() and len(said) < 20 else stamp.iso(said)


def _other(at: float | None) -> Request:
    return Request(at=math.nan if at is None else at, event="other")
