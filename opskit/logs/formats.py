"""The log formats that counting understands: one visible table, Nginx's own, and the guess which a file has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from opskit.logs import nginx_conf
from opskit.logs.form import Format, late
from opskit.logs.form_nginx import combined, custom, likely_error, well_known
from opskit.model.text import Text

if TYPE_CHECKING:
    from opskit.logs.gateway_fields import TimeUnit
    from opskit.logs.log_format_parts import Escape

__all__ = ["Format", "detect", "find", "known", "precise_first"]


def known(zone: tzinfo = UTC) -> dict[str, Format]:
    """Return the formats by name, the precise ones first; `zone` is for lines that name none."""
    return _known(zone)


@lru_cache(maxsize=8)
def _known(zone: tzinfo) -> dict[str, Format]:
    ingress, manager = well_known(zone)
    whole, gateways = combined(zone), (*_gateway(zone, "s"), *_gateway(zone, "ms"))
    error, *others = _others(zone)
    inner = [form for form in (ingress, manager, whole, *gateways, *others) if form.guessed]
    forms = (*_wrapping(inner), error, ingress, manager, *gateways, *others, _prefixed(inner), whole)
    return {form.name: form for form in forms}


_UNITS = {"s": Text("seconds", "秒"), "ms": Text("milliseconds", "毫秒")}


def _gateway(zone: tzinfo, unit: TimeUnit) -> tuple[Format, ...]:
    """Return the formats of gateways; `unit` is that of a duration for which neither name nor value gives one."""
    gateway, shapes = late("others", "gateway_line"), late("gateway_shape", "shapes")
    logfmt = late("others", "logfmt_line")
    suffix, said = ("", "-ms")[unit == "ms"], _UNITS[unit]
    return (
        Format(
            "gateway" + suffix,
            Text(
                f"API gateway: one JSON object per line; durations without a unit are {said.en}",
                f"API 网关日志：每行一个 JSON 对象；未注明单位的耗时按{said.zh}计",
            ),
            lambda line: gateway(line, unit, zone),
            lambda sample, fields: shapes(sample, fields, unit, zone),
            in_order=False,
            likely=_json,
            silent="no",
            guessed=not suffix,
        ),
        Format(
            "logfmt" + suffix,
            Text(
                f"API gateway: key=value pairs, as Go programs write them; durations without a unit are {said.en}",
                f"API 网关日志：key=value 形式（Go 程序常用）；未注明单位的耗时按{said.zh}计",
            ),
            lambda line: logfmt(line, unit, zone),
            in_order=False,
            likely=lambda line: b"=" in line[:80].partition(b" ")[0],
            silent="no",
            guessed=not suffix,
        ),
    )


_ANYBODYS = (b"{", b"panic: ", b"fatal error: ", b"goroutine ")


def _others(zone: tzinfo) -> tuple[Format, ...]:
    """Return the formats in which few lines or none tell of requests."""
    ollama, error_log = late("others", "ollama"), late("others", "error_lines")
    tslog, kernel_log = late("others", "tslog"), late("others", "kernel_log")
    return (
        Format(
            "nginx-error",
            Text("Nginx: error log", "Nginx 错误日志"),
            lambda line: error_log(line, zone),
            likely=lambda line: likely_error(line) and (line[:4].isdigit() or b"nginx" in line[:200]),
        ),
        Format(
            "ollama",
            Text("Ollama: gin's access lines among those of the server", "Ollama 日志：服务日志中的 gin 访问行"),
            lambda line: ollama(line, zone),
            likely=lambda line: not line.startswith(_ANYBODYS) and b'] "' not in line,
            silent="own",
        ),
        Format(
            "tslog",
            Text("Clawdbot or OpenClaw: tslog, JSON lines", "Clawdbot/OpenClaw：tslog，每行一个 JSON 对象"),
            lambda line: tslog(line, zone),
            likely=lambda line: b'"_meta"' in line,
            silent="own",
        ),
        Format(
            "kernel",
            Text("the kernel: Xid and out-of-memory lines", "内核日志：Xid 与内存不足（OOM）行"),
            lambda line: kernel_log(line, zone),
            likely=lambda line: b"NVRM" in line or b"kernel: " in line or line[:1] in b"[<" or b"kill" in line.lower(),
        ),
    )


def _wrapping(inner: Sequence[Format]) -> tuple[Format, ...]:
    """Return the formats that carry the lines of another program in JSON, which one of `inner` may read."""
    wrapped = late("others", "wrapped")
    return (
        Format(
            "journald",
            Text("journalctl -o json, whatever program wrote the message", "journalctl -o json，不论消息来自哪个程序"),
            lambda line: wrapped("MESSAGE", "__REALTIME_TIMESTAMP", inner, line),
            likely=lambda line: b'"__REALTIME_TIMESTAMP"' in line,
            silent="own",
        ),
        Format(
            "docker",
            Text("docker's json-file, whatever program wrote the line", "docker 的 json-file，不论该行来自哪个程序"),
            lambda line: wrapped("log", "time", inner, line),
            likely=lambda line: line.startswith(b'{"log":'),
            silent="own",
        ),
    )


def _prefixed(inner: Sequence[Format]) -> Format:
    """Return the format that carries the lines of another program behind a prefix."""
    prefixed = late("prefixed", "parse")
    return Format(
        "syslog",
        Text(
            "lines behind the prefix of syslog, docker compose or Kubernetes, whatever program wrote them",
            "带 syslog、docker compose 或 Kubernetes 前缀的行，不论该行来自哪个程序",
        ),
        lambda line: prefixed(inner, line),
        likely=lambda line: line[:1] != b"{",
    )


def _json(line: bytes) -> bool:
    return b"{" in line[:8] and b'"_meta"' not in line and b'"__REALTIME_TIMESTAMP"' not in line


def precise_first(zone: tzinfo = UTC) -> list[Format]:
    """Return the formats in the order in which they are tried."""
    return [form for form in known(zone).values() if form.guessed]


def find(wanted: str, zone: tzinfo = UTC) -> Format:
    """Return the format of this name, of a `log_format` text, or of `nginx.conf:NAME` as that file defines it.

    A text is known by its `$`; `escape=json ` may stand before it, and `log_format NAME 'STRING' ...;` may be copied
    from a configuration as a whole. ValueError says what is wrong.
    """
    formats = known(zone)
    if wanted in formats:
        return formats[wanted]
    if wanted.lstrip().startswith("log_format "):
        return custom(*nginx_conf.directive(wanted))
    if "$" in wanted:
        return custom(*_split(wanted.strip("\r\n")))
    path, colon, name = wanted.rpartition(":")
    if not colon:
        raise ValueError(
            f"format: {wanted}; known are auto, {', '.join(formats)}, nginx.conf:NAME and a log_format text"
        )
    defined, unread = nginx_conf.log_formats(Path(path))
    if name not in defined:
        why = f" ({unread})" if unread else ""
        raise ValueError(f"{path}: no log_format is called {name}; known are {', '.join(sorted(defined))}{why}")
    return formats["combined"] if name == "combined" else custom(*defined[name], name=name)


def _split(wanted: str) -> tuple[str, Escape]:
    from opskit.logs.log_format_parts import meant

    escapes: tuple[Escape, ...] = ("json", "none", "default")
    for escape in escapes:
        if wanted.startswith(f"escape={escape} "):
            return meant(wanted.removeprefix(f"escape={escape} ")), escape
    return meant(wanted), "default"


def detect(sample: Sequence[bytes], zone: tzinfo = UTC) -> Format | None:
    """Return the format that reads most of these lines, None where none reads any. Lines come without line end.

    One that tells of requests comes before the others: where Nginx writes both logs to one stream, the lines of errors
    may be more. Of two that read the same, the first wins: `combined` also reads lines with more fields behind.
    """
    best, most = None, (False, 0)
    for form in precise_first(zone):
        read = [request for line in filter(form.likely, sample) if (request := form.parse(line)) is not None]
        tells = form.silent == "own" or any(request.event != "other" for request in read)
        if read and (tells or form.silent != "no") and (tells, len(read)) > most:
            best, most = form, (tells, len(read))
    return best
