r"""Nginx access lines: common, combined, with a virtual host in front or more fields behind; to Requests.

Nginx writes every `"` and `\` inside a variable as `\x22` and `\x5C` (ngx_http_log_module.c, escape=default), so a
quoted field ends at the first quote. Apache writes `\"`; a field that ends in a backslash is therefore read its way.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise

from opskit.logs import stamp
from opskit.logs.request import Request
from opskit.model.regex import regex

_TIME = rb"\[([0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})\]"
# The user may contain blanks and brackets, but no quote: the time that counts stands right before the first quote.
_IDENT = rb'[^\s"]+ (?=[^\s"]+ \[)'
_HEAD = rb'([^\s"]+) (?:- |([^\s"]+) - |' + _IDENT + rb"|([0-9A-Fa-f.:]{3,45}) " + _IDENT + rb')(?:([^"]*) )?' + _TIME
_NUMBERS = rb" ([0-9]{3}) ([0-9]+|-)"
_EXACT = rb'"([^"]*)(?<!\\)"'
_APACHE = rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
_TAIL = rb'(?: (?!")(.*)|)'  # of the common form; a quote there would be a referer that is not closed


def _line(quoted: bytes) -> re.Pattern[bytes]:
    fields = b"(?: " + quoted + b" " + quoted + rb"(?: (.*))?|" + _TAIL + b")"
    return regex(_HEAD + b" " + quoted + _NUMBERS + fields, re.DOTALL)


_FORMS = (_line(_EXACT), _line(_APACHE))
_METHOD = regex(rb"[A-Za-z][A-Za-z0-9_-]{0,31}")
_EXTRA = regex(rb'"[^"]*"|(?<![^ ])([a-z_]{1,40})=(?:"([^"]*)")?')  # a header in quotes cannot pose as a field
_LISTS = regex(rb" : |, ")


def parse(line: bytes) -> Request | None:
    """Return the request of one line without its line end, or None where the line has another form.

    After the agent (or the size) anything may follow; `rid=`, `rt=`, `uht=`, `urt=`, `us=`, `ua=`, `cid=` and `done=`
    (or the full names of the Nginx variables) are understood there, quoted or not. Times are seconds.
    """
    for form in _FORMS:
        match = form.fullmatch(line)
        if match is not None:
            return _request(match)
    return None


def _request(match: re.Match[bytes]) -> Request | None:
    first, behind, address, user, time, request, status, size, _referer, agent, more, tail = match.groups()
    try:
        at = stamp.clf(time)
    except ValueError:
        return None
    second = behind or address
    method, path = target(request) if len(request) > _SHORT else _short_target(request)
    extra = _extra(more or tail) if (more or tail) else {}
    return Request(
        at=at,
        status=int(status),
        client=text(second or first),
        user=given(user),
        method=method,
        path=path,
        duration_s=seconds(extra.get(b"rt")),
        first_byte_s=seconds(last(extra.get(b"uht"))),
        request_id=given(extra.get(b"rid")),
        agent=given(agent),
        size_b=number(size),
        upstream_status=asked(extra.get(b"us")),
        host=text(first) if second else None,
        connection=_connection(extra.get(b"cid")),
        upstream_addr=given(extra.get(b"ua")),
        upstream_time=given(extra.get(b"urt")),
        complete=completed(extra.get(b"done")),
    )


def target(request: bytes) -> tuple[str | None, str | None]:
    """Split `GET /a b HTTP/1.1`: old Nginx lets blanks stand in the target. HTTP/0.9 has no version."""
    method, blank, rest = request.partition(b" ")
    if not blank or not rest or _METHOD.fullmatch(method) is None:
        return None, None
    path, versioned, version = rest.rpartition(b" HTTP/")
    if not versioned or b" " in version:
        path = rest
    return text(method), text(path)


# The same few requests make up most of a log; long ones are not kept, because a client could fill the memory with them.
_SHORT = 200
_short_target = lru_cache(maxsize=4096)(target)

_NAMES = {
    b"rid": b"rid",
    b"request_id": b"rid",
    b"rt": b"rt",
    b"request_time": b"rt",
    b"uht": b"uht",
    b"upstream_header_time": b"uht",
    b"us": b"us",
    b"ua": b"ua",
    b"upstream_addr": b"ua",
    b"urt": b"urt",
    b"upstream_response_time": b"urt",
    b"cid": b"cid",
    b"connection": b"cid",
    b"done": b"done",
    b"request_completion": b"done",
    b"upstream_status": b"us",
}

_FIELDS = {
    b"rid": "request_id",
    b"rt": "duration_s",
    b"uht": "first_byte_s",
    b"us": "upstream_status",
    b"ua": "upstream_addr",
}


def _extra(tail: bytes) -> dict[bytes, bytes]:
    """Return the known `key=value` fields. An unquoted list holds blanks, so a value ends where the next key starts."""
    found: dict[bytes, bytes] = {}
    keys = [*_EXTRA.finditer(tail), None]
    for key, following in pairwise(keys):
        name = _NAMES.get(key[1]) if key else None
        if key is None or name is None:
            continue
        end = following.start() if following else len(tail)
        found.setdefault(name, key[2] if key[2] is not None else tail[key.end() : end].strip())
    return found


def field_of(key: bytes) -> str | None:
    """Return the field of a Request that a `key=` behind the agent gives, None for an unknown one."""
    return _FIELDS.get(_NAMES.get(key, b""))


def last(listed: bytes | None) -> bytes | None:
    """Return the last item of an upstream list: tries are joined by `, `, internal redirects by ` : `."""
    return _LISTS.split(listed)[-1] if listed else None


def seconds(number: bytes | None) -> float | None:
    if number is None or not re.fullmatch(rb"[0-9]{1,12}(?:\.[0-9]{1,9})?", number.strip()):
        return None
    return float(number)


def asked(statuses: bytes | None) -> str | None:
    """Return `$upstream_status`, "" where nobody was asked, None where the log does not say."""
    return None if statuses is None else given(statuses) or ""


def completed(said: bytes | None) -> bool | None:
    """Read `$request_completion`, which is `OK` or nothing."""
    return None if said is None else said == b"OK"


def _connection(said: bytes | None) -> int | None:
    """Read `cid=17` or `cid=17/3`, the connection and the number of the request on it."""
    return number(said.partition(b"/")[0]) if said else None


def number(digits: bytes) -> int | None:
    return int(digits) if digits.isdigit() and len(digits) < 20 else None


def given(value: bytes | None) -> str | None:
    return None if value is None or value in {b"", b"-"} else text(value)


def text(value: bytes) -> str:
    return value.decode("utf-8", "surrogateescape")
