"""Lines of Nginx's error log to records, told apart by errno and action rather than by the C library's words.

Nginx escapes nothing here (ngx_log.c, ngx_http_request.c) and cuts a record at 2,047 bytes, so the text is hostile
and its end may be missing.
"""

from __future__ import annotations

import re
from datetime import tzinfo

import msgspec

from opskit.logs import stamp
from opskit.model.regex import regex

_MAX = 4096
_HEAD = regex(
    r"(?:[^\[\n]{0,160}nginx(?:\[\d{1,10}\])?: )?(\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) "
    r"\[([a-z]{3,8})\] (\d{1,10})#\d{1,20}: "
    r"(?:\*(\d{1,20}) )?"
)
# The client is an address and a server name holds neither comma nor blank: most text that imitates them fails here.
_CLIENT = regex(
    r', client: ([0-9A-Fa-f.:]{2,45}(?:%\w+)?|unix:[^,"\s]{0,108})'
    r'(?=$|, se?r?v?e?r?:? ?$|, server: [^,"\s]{0,253}(?:$|, (?:[a-z]{0,10}:? ?$|request: |upstream: |host: |login: )))'
)
_USER_END = regex(r'": password mismatch(?=, client: )|" was not found in "[^"]{0,1024}"(?=, client: )')
_ERRNO = regex(r"\((\d{1,5}): ")
_NAMES = ("server", "request", "subrequest", "upstream", "host", "referrer")


class ErrorRecord(msgspec.Struct, frozen=True):
    """One record. `at` is in epoch seconds; `cid` is `$connection` of the access log.

    `message` is all text before the client, `errno` the number Nginx printed in it (an errno of that system, or the
    resolver's code), `action` what follows its last ` while `. Fields that were cut off are None, and the last one
    before a cut may be partial. `ambiguous` is True where another place in the text could be the client too: never act
    against an address then.
    """

    at: float
    level: str
    pid: int
    cid: int | None
    message: str
    errno: int | None = None
    action: str | None = None
    client: str | None = None
    server: str | None = None
    request: str | None = None
    upstream: str | None = None
    host: str | None = None
    ambiguous: bool = False


def parse(line: bytes, zone: tzinfo) -> ErrorRecord | None:
    """Return the record that begins on this line; None for continuation lines and other text.

    `zone` is Nginx's own: the log names none.
    """
    text = line[:_MAX].decode("utf-8", "surrogateescape")
    head = _HEAD.match(text)
    at = stamp.gin(head[1], zone) if head else None
    if head is None or at is None:
        return None
    body = text[head.end() :]
    client, ambiguous = _client(body)
    message = body[: client.start()] if client else body
    fields = _fields(body[client.end() :]) if client else {}
    numbers = _ERRNO.findall(message)
    before, while_, action = message.rpartition(" while ")
    return ErrorRecord(
        at=at,
        level=head[2],
        pid=int(head[3]),
        cid=int(head[4]) if head[4] else None,
        message=message,
        errno=int(numbers[-1]) if numbers else None,
        action=action if while_ and before else None,
        client=client[1] if client else None,
        server=fields.get("server"),
        request=fields.get("request"),
        upstream=fields.get("upstream"),
        host=fields.get("host"),
        ambiguous=ambiguous,
    )


def _client(body: str) -> tuple[re.Match[str] | None, bool]:
    """Find where the fields begin, and tell whether they might begin elsewhere.

    The first place counts, because request and referrer come after it; but a user name stands before it, so there
    the first place behind the fixed words that follow the name.
    """
    places = list(_CLIENT.finditer(body))
    if not places:
        return None, False
    if body.startswith('user "') and (end := _USER_END.search(body)):
        places = [place for place in places if place.start() >= end.end()] or places
    return places[0], len(places) > 1


def _fields(rest: str) -> dict[str, str]:
    """Read the fields in their fixed order; a quoted one ends where the next one begins, or at the end of the line."""
    found: dict[str, str] = {}
    for index, name in enumerate(_NAMES):
        opening = f", {name}: " if name == "server" else f', {name}: "'
        if not rest.startswith(opening):
            continue
        rest = rest[len(opening) :]
        end = _quoted_end(rest, _NAMES[index + 1 :]) if name != "server" else _server_end(rest)
        found[name] = rest[:end]
        rest = rest[end:].removeprefix('"')
    return found


def _server_end(rest: str) -> int:
    comma = rest.find(", ")
    return comma if comma >= 0 else len(rest)


def _quoted_end(rest: str, following: tuple[str, ...]) -> int:
    ends = [at for name in following if (at := rest.find(f'", {name}: "')) >= 0]
    return min(ends, default=len(rest) - 1 if rest.endswith('"') else len(rest))
