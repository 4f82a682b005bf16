r"""Access lines in a `log_format` of somebody's own, read without knowing it: a time, `"REQUEST" STATUS`, an address.

Nginx escapes every `"` inside a variable, so the quoted request is exact. Nearly all formats put `$status` right behind
`"$request"`; where some other number stands there, it soon is one that HTTP does not know, and the probe then says that
the format is unknown.
"""

from __future__ import annotations

from datetime import tzinfo
from http import HTTPStatus

from opskit.logs import stamp
from opskit.logs.nginx_access import target, text
from opskit.logs.request import Request
from opskit.model.regex import regex

_REQUEST = regex(rb'"([A-Z]{3,10} [^"\s]{1,8000} HTTP/[\d.]{1,3})"[ ,;|\t]{1,3}"?(\d{3})(?=["\s,;|]|$)')
_QUOTED = regex(rb'"[^"]*"')
_AGENT = regex(rb'"(?!-"|https?:)([A-Za-z][^"]*)"')
_CLF = regex(rb"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}")
_ISO = regex(rb"(?<!\d)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_MSEC = regex(rb"(?<![\d.])(1\d{9}\.\d{3})(?![\d.])")
_ADDRESS = regex(rb"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w.:])")
_OF_NGINX = {444, 494, 495, 496, 497, 498, 499, 0, 9}
_STATUSES = {*map(int, HTTPStatus), *_OF_NGINX}


def parse(line: bytes, zone: tzinfo) -> Request | None:
    """Return the request of one line, None where it has no such parts; `zone` is for times that name none."""
    found = _REQUEST.search(line)
    if found is None or int(found[2]) not in _STATUSES:
        return None
    head = line[: found.start()]
    unquoted = _QUOTED.sub(b'""', head)
    at = next((at for part in (unquoted, head) if (at := _time(part, zone)) is not None), None)
    if at is None:
        return None
    method, path = target(found[1])
    agent = _AGENT.search(line, found.end())
    client = _ADDRESS.search(unquoted) or _ADDRESS.search(head)
    return Request(
        at=at,
        status=int(found[2]),
        client=text(client[0]) if client else None,
        method=method,
        path=path,
        agent=text(agent[1]) if agent else None,
    )


def _time(part: bytes, zone: tzinfo) -> float | None:
    if match := _CLF.search(part):
        try:
            return stamp.clf(match[0])
        except ValueError:
            return None
    if match := _ISO.search(part):
        return stamp.iso(match[0].decode(), zone)
    return float(match[1]) if (match := _MSEC.search(part)) else None
