"""The formats of Nginx's access logs: combined, what well-known images configure, and any other `log_format`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import tzinfo
from functools import cache
from typing import TYPE_CHECKING

from opskit.logs import access_shape, nginx_access, nginx_conf
from opskit.logs.form import Format, late
from opskit.logs.request import Request
from opskit.logs.shape import Shape
from opskit.model.text import Text

if TYPE_CHECKING:
    from opskit.logs.log_format_parts import Escape

_BOM = b"\xef\xbb\xbf"
# https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/
_INGRESS = (
    nginx_conf.COMBINED + " $request_length $request_time [$proxy_upstream_name]"
    " [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time"
    " $upstream_status $req_id"
)
# docker/rootfs/etc/nginx/conf.d/include/log.conf of Nginx Proxy Manager: `proxy` and `standard`
_MANAGER = (
    "$status - $request_method $scheme $host "
    '"$request_uri" [Client $remote_addr] [Length $body_bytes_sent] [Gzip $gzip_ratio] '
)
_MANAGERS = (
    "[$time_local] $upstream_cache_status $upstream_status "
    + _MANAGER
    + '[Sent-to $server_addr] "$http_user_agent" "$http_referer"',
    "[$time_local] " + _MANAGER + '"$http_user_agent" "$http_referer"',
)
_CUSTOM = Text("a log_format of Nginx", "Nginx 的 log_format 格式")


def custom(form: str, escape: Escape = "default", name: str = "log_format", says: Text = _CUSTOM) -> Format:
    """Return the format of a `log_format`. ValueError says why it cannot be read."""
    from opskit.logs import log_format, log_format_shape

    parse = log_format.compiled(form, escape)

    def shapes(_: Sequence[bytes], fields: Collection[str]) -> list[Shape]:
        found = log_format_shape.shape(form, escape, fields)
        return [found] if found else []

    def read(line: bytes) -> Request | None:
        return parse(line.removeprefix(_BOM))

    return Format(name, says, read, shapes, log_format_shape.around(form, "status"))


@cache
def _ingress() -> Format:
    return custom(_INGRESS)


@cache
def _managers() -> list[Format]:
    return [custom(form) for form in _MANAGERS]


def well_known(zone: tzinfo) -> tuple[Format, ...]:
    """Return the formats of images. What they and Nginx itself say to the same stream is understood among them."""
    return (
        Format(
            "ingress-nginx",
            Text("the default of Kubernetes' ingress-nginx", "Kubernetes ingress-nginx 的默认格式"),
            lambda line: _ingress().parse(line) or _error(line, zone),
            lambda sample, fields: _ingress().shapes(sample, fields),
            (b'" ', b" "),
            likely=lambda line: b"] [" in line or likely_error(line),
        ),
        Format(
            "nginx-proxy-manager",
            Text(
                "Nginx Proxy Manager: its proxy and standard formats", "Nginx Proxy Manager 的 proxy 与 standard 格式"
            ),
            lambda line: _manager(line) or _error(line, zone),
            lambda sample, fields: [shape for form in _managers() for shape in form.shapes(sample, fields)],
            (b" ", b" - "),
            likely=lambda line: b"] [Length " in line,
        ),
    )


def _manager(line: bytes) -> Request | None:
    return next((request for form in _managers() if (request := form.parse(line)) is not None), None)


def combined(zone: tzinfo) -> Format:
    """Return the format that everybody has; `zone` is that of the error log, whose lines may stand among the others."""
    return Format(
        "combined",
        Text(
            "Nginx or Apache: common or combined, with a virtual host in front or more fields behind",
            "Nginx 或 Apache 的 common/combined 格式，前面可带虚拟主机，后面可带附加字段",
        ),
        lambda line: nginx_access.parse(line.removeprefix(_BOM)) or _error(line, zone),
        access_shape.shapes,
        (b'" ', b" "),
    )


_error_log = late("others", "error_log")


def _error(line: bytes, zone: tzinfo) -> Request | None:
    """Read a line of the error log: a container writes both logs to one stream."""
    found: Request | None = _error_log(line, zone) if likely_error(line) else None
    return found


def likely_error(line: bytes) -> bool:
    """Tell at a glance whether a line may begin a record of the error log."""
    return b" [" in line[:220] and b"#" in line[:260]
