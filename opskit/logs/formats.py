"""The access-log formats that counting understands: one visible table, Nginx's own, and the guess which a file has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, tzinfo
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from opskit.logs import access_shape, nginx_access, nginx_conf
from opskit.logs.request import Request
from opskit.logs.shape import Shape
from opskit.model.text import Text

if TYPE_CHECKING:
    from opskit.logs.log_format import Escape

Parse = Callable[[bytes], Request | None]
Shapes = Callable[[Sequence[bytes], Collection[str]], list[Shape]]
_INGRESS = (
    nginx_conf.COMBINED + " $request_length $request_time [$proxy_upstream_name]"
    " [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time"
    " $upstream_status $req_id"
)


def _late(module: str, name: str) -> Callable[..., Any]:
    """Return a function of a module that is loaded at the first call: most logs need the readers of one format."""

    @cache
    def found() -> Callable[..., Any]:
        return getattr(import_module(f"opskit.logs.{module}"), name)  # type: ignore[no-any-return]

    def call(*arguments: Any) -> Any:
        return found()(*arguments)

    return call


def _any(_: bytes) -> bool:
    return True


def _shapeless(*_: object) -> list[Shape]:
    return []


class Format(msgspec.Struct, frozen=True):
    """A format: its name on the command line, what it is, and the reader of one line.

    `shapes` gives, for a sample of lines and the fields of interest, the forms that can be read by the million;
    `around` is what stands directly before and after the status in every line that `parse` understands. `in_order` is
    False where lines may be stamped with the time at which the request began. `likely` tells at a glance whether a
    line may be of the format.
    """

    name: str
    says: Text
    parse: Parse
    shapes: Shapes = _shapeless
    around: tuple[bytes, bytes] = (b"", b"")
    in_order: bool = True
    likely: Callable[[bytes], bool] = _any


_CUSTOM = Text("a log_format of Nginx", "Nginx 的 log_format 格式")


def _custom(form: str, escape: Escape = "default", name: str = "log_format", says: Text = _CUSTOM) -> Format:
    from opskit.logs import log_format, log_format_shape

    def shapes(_: Sequence[bytes], fields: Collection[str]) -> list[Shape]:
        found = log_format_shape.shape(form, escape, fields)
        return [found] if found else []

    return Format(name, says, log_format.compiled(form, escape), shapes, log_format_shape.around(form, "status"))


@cache
def _ingress() -> Format:
    return _custom(_INGRESS)


_COMBINED = Format(
    "combined",
    Text(
        "Nginx or Apache: common or combined, with a virtual host in front or more fields behind",
        "Nginx 或 Apache 的 common/combined 格式，前面可带虚拟主机，后面可带附加字段",
    ),
    nginx_access.parse,
    access_shape.shapes,
    (b'" ', b" "),
)


def known(zone: tzinfo = UTC) -> dict[str, Format]:
    """Return the formats by name, the precise ones first; `zone` is for lines that name none."""
    return _known(zone)


@lru_cache(maxsize=8)
def _known(zone: tzinfo) -> dict[str, Format]:
    alone = (*_precise(zone), *_others(zone), _COMBINED)
    return {form.name: form for form in (*_wrapping([form.parse for form in alone]), *alone)}


def _precise(zone: tzinfo) -> tuple[Format, ...]:
    gateway, shapes = _late("gateway", "parse"), _late("gateway_shape", "shapes")
    logfmt = _late("logfmt", "parse")
    return (
        # https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/
        Format(
            "ingress-nginx",
            Text("the default of Kubernetes' ingress-nginx", "Kubernetes ingress-nginx 的默认格式"),
            lambda line: _ingress().parse(line),
            lambda sample, fields: _ingress().shapes(sample, fields),
            (b'" ', b" "),
            likely=lambda line: b"] [" in line,
        ),
        Format(
            "gateway",
            Text("API gateway: one JSON object per line", "API 网关日志：每行一个 JSON 对象"),
            lambda line: gateway(line, "s", zone),
            lambda sample, fields: shapes(sample, fields, zone),
            in_order=False,
            likely=_json,
        ),
        Format(
            "logfmt",
            Text(
                "API gateway: key=value pairs, as Go programs write them", "API 网关日志：key=value 形式（Go 程序常用）"
            ),
            lambda line: logfmt(line, zone),
            in_order=False,
            likely=lambda line: b"=" in line[:80].partition(b" ")[0],
        ),
    )


def _others(zone: tzinfo) -> tuple[Format, ...]:
    """Return the formats in which few lines or none tell of requests."""
    ollama, error_log = _late("others", "ollama"), _late("others", "error_log")
    tslog, kernel_log = _late("others", "tslog"), _late("others", "kernel_log")
    return (
        Format(
            "ollama",
            Text("Ollama: gin's access lines among those of the server", "Ollama 日志：服务日志中的 gin 访问行"),
            lambda line: ollama(line, zone),
            likely=lambda line: not line.startswith(b"{") and b'] "' not in line,
        ),
        Format(
            "nginx-error",
            Text("Nginx: error log", "Nginx 错误日志"),
            lambda line: error_log(line, zone),
            likely=lambda line: b" [" in line[:220] and b"#" in line[:260],
        ),
        Format(
            "tslog",
            Text("Clawdbot or OpenClaw: tslog, JSON lines", "Clawdbot/OpenClaw：tslog，每行一个 JSON 对象"),
            lambda line: tslog(line, zone),
            likely=lambda line: b'"_meta"' in line,
        ),
        Format(
            "kernel",
            Text("the kernel: Xid and out-of-memory lines", "内核日志：Xid 与内存不足（OOM）行"),
            lambda line: kernel_log(line, zone),
            likely=lambda line: b"NVRM" in line or b"kill" in line.lower(),
        ),
    )


def _wrapping(inner: Sequence[Parse]) -> tuple[Format, ...]:
    """Return the formats that carry the lines of another program, which one of `inner` may read."""
    wrapped = _late("others", "wrapped")
    return (
        Format(
            "journald",
            Text("journalctl -o json, whatever program wrote the message", "journalctl -o json，不论消息来自哪个程序"),
            lambda line: wrapped("MESSAGE", "__REALTIME_TIMESTAMP", inner, line),
            likely=lambda line: b'"__REALTIME_TIMESTAMP"' in line,
        ),
        Format(
            "docker",
            Text("docker's json-file, whatever program wrote the line", "docker 的 json-file，不论该行来自哪个程序"),
            lambda line: wrapped("log", "time", inner, line),
            likely=lambda line: line.startswith(b'{"log":'),
        ),
    )


def _json(line: bytes) -> bool:
    return b"{" in line[:8] and b'"_meta"' not in line and b'"__REALTIME_TIMESTAMP"' not in line


def precise_first(zone: tzinfo = UTC) -> list[Format]:
    """Return the formats in the order in which they are tried."""
    return list(known(zone).values())


def find(wanted: str, zone: tzinfo = UTC) -> Format:
    """Return the format of this name, of a `log_format` text, or of `nginx.conf:NAME` as that file defines it.

    A text is known by its `$`; `escape=json ` may stand before it, as in nginx.conf. ValueError says what is wrong.
    """
    formats = known(zone)
    if wanted in formats:
        return formats[wanted]
    if "$" in wanted:
        return _custom(*_split(wanted))
    path, colon, name = wanted.rpartition(":")
    if not colon:
        raise ValueError(
            f"format: {wanted}; known are auto, {', '.join(formats)}, nginx.conf:NAME and a log_format text"
        )
    defined = nginx_conf.log_formats(Path(path))
    if name not in defined:
        raise ValueError(f"{path}: no log_format is called {name}; known are {', '.join(sorted(defined))}")
    return _COMBINED if name == "combined" else _custom(*defined[name], name=name)


def _split(wanted: str) -> tuple[str, Escape]:
    escapes: tuple[Escape, ...] = ("json", "none", "default")
    for escape in escapes:
        if wanted.startswith(f"escape={escape} "):
            return wanted.removeprefix(f"escape={escape} "), escape
    return wanted, "default"


def detect(sample: Sequence[bytes], zone: tzinfo = UTC) -> Format | None:
    """Return the format that reads most of these lines, None where none reads any. Lines come without line end.

    `combined` also reads lines with more fields behind: of two that read the same, the other wins.
    """
    best, most = None, 0
    for form in precise_first(zone):
        readable = sum(form.parse(line) is not None for line in filter(form.likely, sample))
        if readable > most:
            best, most = form, readable
    return best
