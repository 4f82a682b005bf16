"""A line that a set of logs has about one request, and what connects it to the request."""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from opskit.logs.nginx_error import ErrorRecord
from opskit.logs.redact import redact
from opskit.logs.request import Request

Tie = Literal["id", "connection", "client", "shared", "text", "time"]
_SHOWN = 1000
_Told = TypeVar("_Told", Request, ErrorRecord)


class Mention(msgspec.Struct, frozen=True):
    """A line about the request. `tie` tells what connects it: only `id` and `connection` are certain.

    `at` is in epoch seconds, None where the line names no time; `layer` is `nginx`, `nginx-error`, `gateway`, `ollama`,
    `clawdbot` or `other`; `text` is the line, cut and without secrets.
    """

    path: str
    line: int
    at: float | None
    layer: str
    tie: Tie
    text: str
    request: Request | None = None
    error: ErrorRecord | None = None


def text_of(line: bytes) -> str:
    """Return a line as it may be shown."""
    return redact(line[: 16 * _SHOWN].decode("utf-8", "surrogateescape"))[:_SHOWN]


def public(mention: Mention) -> Mention:
    """Return the mention without secrets in what was read from its line."""
    return msgspec.structs.replace(mention, request=_public(mention.request), error=_public(mention.error))


def _public(told: _Told | None) -> _Told | None:
    if told is None:
        return None
    values = {name: getattr(told, name) for name in told.__struct_fields__}
    clean = {name: redact(value) for name, value in values.items() if isinstance(value, str)}
    return msgspec.structs.replace(told, **clean)
