"""The access-log formats that counting understands, in one visible table, and the guess which one a file has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from opskit.logs import gateway, nginx_access
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
    "gateway": Format(
        "gateway",
        Text("API gateway: one JSON object per line", "API 网关日志：每行一个 JSON 对象"),
        gateway.parse,
    ),
}


def detect(sample: Sequence[bytes]) -> Format | None:
    """Return the format that reads most of these lines, None where none reads any. Lines come without line end."""
    readable = {name: sum(form.parse(line) is not None for line in sample) for name, form in FORMATS.items()}
    best = max(readable, key=readable.__getitem__)
    return FORMATS[best] if readable[best] else None
