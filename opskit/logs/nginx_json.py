"""An access log that Nginx writes as JSON, read without its `log_format`: what the reader of gateways leaves out."""

from __future__ import annotations

import msgspec

from opskit.logs.gateway import decoded
from opskit.logs.nginx_access import asked, number
from opskit.logs.request import Request
from opskit.model.regex import regex

# Names that Nginx's variables have and that gateways have not: two of them make a line one of Nginx.
_NAMES = regex(
    rb'"(request_time|body_bytes_sent|time_local|time_iso8601|remote_user|http_referer|http_user_agent|request_length'
    rb'|request_uri|server_protocol|connection_requests|upstream_(?:addr|status|(?:response|header|connect)_time))" ?:'
    rb'|"(request)" ?: ?"[A-Z]{3,10} [^"]* HTTP/'
)
_SEVERAL = 2


def by_nginx(line: bytes) -> bool:
    """Tell whether Nginx wrote this line of JSON."""
    return len({found[1] or found[2] for found in _NAMES.finditer(line)}) >= _SEVERAL


def fuller(request: Request, line: bytes) -> Request:
    """Return the request with the connection, and whether anybody behind Nginx was asked."""
    record = decoded(line) or {}
    said = {name: str(value).encode("utf-8", "surrogateescape") for name, value in record.items() if value is not None}
    return msgspec.structs.replace(
        request,
        connection=number(said.get("connection", b"")),
        upstream_status=asked(said.get("upstream_status")),
    )
