"""The access-log formats that counting understands: one visible table, Nginx's own, and the guess which a file has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
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
    parse: Callable[[bytes], Request | None]
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


FORMATS: dict[str, Format] = {
    "combined": Format(
        "combined",
        Text(
            "Nginx or Apache: common or combined, with a virtual host in front or more fields behind",
            "Nginx 或 Apache 的 common/combined 格式，前面可带虚拟主机，后面可带附加字段",
        ),
        nginx_access.parse,
        access_shape.shapes,
        (b'" ', b" "),
    ),
    # https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/
    "ingress-nginx": Format(
        "ingress-nginx",
        Text("the default of Kubernetes' ingress-nginx", "Kubernetes ingress-nginx 的默认格式"),
        lambda line: _ingress().parse(line),
        lambda sample, fields: _ingress().shapes(sample, fields),
        (b'" ', b" "),
        likely=lambda line: b"] [" in line,
    ),
    "gateway": Format(
        "gateway",
        Text("API gateway: one JSON object per line", "API 网关日志：每行一个 JSON 对象"),
        _late("gateway", "parse"),
        _late("gateway_shape", "shapes"),
        in_order=False,
        likely=lambda line: b"{" in line[:8],
    ),
    "logfmt": Format(
        "logfmt",
        Text("API gateway: key=value pairs, as Go programs write them", "API 网关日志：key=value 形式（Go 程序常用）"),
        _late("logfmt", "parse"),
        in_order=False,
        likely=lambda line: b"=" in line[:80].partition(b" ")[0],
    ),
}


PRECISE_FIRST = sorted(FORMATS.values(), key=lambda form: form.name == "combined")


def find(wanted: str) -> Format:
    """Return the format of this name, of a `log_format` text, or of `nginx.conf:NAME` as that file defines it.

    A text is known by its `$`; `escape=json ` may stand before it, as in nginx.conf. ValueError says what is wrong.
    """
    if wanted in FORMATS:
        return FORMATS[wanted]
    if "$" in wanted:
        return _custom(*_split(wanted))
    path, colon, name = wanted.rpartition(":")
    if not colon:
        raise ValueError(
            f"format: {wanted}; known are auto, {', '.join(FORMATS)}, nginx.conf:NAME and a log_format text"
        )
    defined = nginx_conf.log_formats(Path(path))
    if name not in defined:
        raise ValueError(f"{path}: no log_format is called {name}; known are {', '.join(sorted(defined))}")
    return FORMATS[name] if name == "combined" else _custom(*defined[name], name=name)


def _split(wanted: str) -> tuple[str, Escape]:
    escapes: tuple[Escape, ...] = ("json", "none", "default")
    for escape in escapes:
        if wanted.startswith(f"escape={escape} "):
            return wanted.removeprefix(f"escape={escape} "), escape
    return wanted, "default"


def detect(sample: Sequence[bytes]) -> Format | None:
    """Return the format that reads most of these lines, None where none reads any. Lines come without line end.

    `combined` also reads lines with more fields behind: of two that read the same, the other wins.
    """
    best, most = None, 0
    for form in PRECISE_FIRST:
        readable = sum(form.parse(line) is not None for line in filter(form.likely, sample))
        if readable > most:
            best, most = form, readable
    return best
