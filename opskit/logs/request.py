"""One HTTP request as some log tells it: what every parser here returns and every count here looks at."""

from __future__ import annotations

from typing import Literal

import msgspec

from opskit.model.regex import regex

Kind = Literal["start", "end", "other"]
_LONE = regex("[\ud800-\udc7f\udd00-\udfff]")


def sound(text: str) -> str:
    r"""Return the text without halves of UTF-16 pairs, which JSON can spell (`\ud800`) and nothing can print.

    Those that stand for a byte that was not UTF-8 are kept.
    """
    return _LONE.sub("\ufffd", text)


class Request(msgspec.Struct, frozen=True):
    """A request, the beginning of one, or (`other`) a line that is understood and tells of no request.

    Whatever the log does not say is None.

    `at` is in seconds since the epoch: when the line was written, which for access logs is the end of the request; NaN
    for other lines without a time.
    `duration_s` and `first_byte_s` are seconds, `size_b` bytes sent; `path` is the target with its query as logged;
    `key` is a fingerprint or name of an API key, never the key; `upstream_status` keeps the list that Nginx writes
    (`502, 200`), as do `upstream_addr` and `upstream_time` (seconds); `host` is the virtual host; `connection` is
    Nginx's number, `*CID` in its error log. An `upstream_status` of "" says that nobody behind Nginx was asked, and
    `complete` whether the whole answer was sent; `prompt_chars` is the length of a prompt in characters. Text that
    was not UTF-8 carries its bytes as lone surrogates.
    """

    at: float
    event: Kind = "end"
    status: int | None = None
    client: str | None = None
    user: str | None = None
    method: str | None = None
    path: str | None = None
    duration_s: float | None = None
    first_byte_s: float | None = None
    request_id: str | None = None
    agent: str | None = None
    size_b: int | None = None
    model: str | None = None
    key: str | None = None
    error: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    upstream_status: str | None = None
    host: str | None = None
    connection: int | None = None
    upstream_addr: str | None = None
    upstream_time: str | None = None
    complete: bool | None = None
    prompt_chars: int | None = None
