"""The access-log formats that counting understands: one visible table, Nginx's own, and the guess which a file has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from opskit.logs import gateway, log_format, logfmt, nginx_access, nginx_conf
from opskit.logs.request import Request
from opskit.model.text import Text


class Format(msgspec.Struct, frozen=True):
    """A format: its name on the command line, what it is, and the reader of one line."""

    name: str
    says: Text
    parse: Callable[[bytes], Request | None]


FORMATS: dict[str, Format] = {
    "combined": Format(
        "combined",
        Text(
            "Nginx or Apache: common or combined, with a virtual host in front or more fields behind",
            "Nginx 或 Apache 的 common/combined 格式，前面可带虚拟主机，后面可带附加字段",
        ),
        nginx_access.parse,
    ),
    # https://kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/log-format/
    "ingress-nginx": Format(
        "ingress-nginx",
        Text("the default of Kubernetes' ingress-nginx", "Kubernetes ingress-nginx 的默认格式"),
        log_format.compiled(
            nginx_conf.COMBINED + " $request_length $request_time [$proxy_upstream_name]"
            " [$proxy_alternative_upstream_name] $upstream_addr $upstream_response_length $upstream_response_time"
            " $upstream_status $req_id"
        ),
    ),
    "gateway": Format(
        "gateway",
        Text("API gateway: one JSON object per line", "API 网关日志：每行一个 JSON 对象"),
        gateway.parse,
    ),
    "logfmt": Format(
        "logfmt",
        Text("API gateway: key=value pairs, as Go programs write them", "API 网关日志：key=value 形式（Go 程序常用）"),
        logfmt.parse,
    ),
}


_PRECISE_FIRST = sorted(FORMATS.values(), key=lambda form: form.name == "combined")
_CUSTOM = Text("a log_format of Nginx", "Nginx 的 log_format 格式")


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


def _split(wanted: str) -> tuple[str, log_format.Escape]:
    for escape in ("json", "none", "default"):
        if wanted.startswith(f"escape={escape} "):
            return wanted.removeprefix(f"escape={escape} "), escape
    return wanted, "default"


def _custom(form: str, escape: log_format.Escape, name: str = "log_format") -> Format:
    return Format(name, _CUSTOM, log_format.compiled(form, escape))


def detect(sample: Sequence[bytes]) -> Format | None:
    """Return the format that reads most of these lines, None where none reads any. Lines come without line end.

    `combined` also reads lines with more fields behind: of two that read the same, the other wins.
    """
    best, most = None, 0
    for form in _PRECISE_FIRST:
        readable = sum(form.parse(line) is not None for line in sample)
        if readable > most:
            best, most = form, readable
    return best
