r"""The text of an Nginx `log_format` taken apart: variables, and what stands between them.

Variables with nothing between are one value, unless the first ends by itself: a host ends where a path begins, and
what Nginx writes with a fixed width needs nothing behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby, pairwise
from typing import Literal, NamedTuple

from opskit.model.regex import regex

Escape = Literal["default", "json", "none"]

_VARIABLE = regex(r"\$(?:([a-z0-9_]+)|\{([a-z0-9_]+)\})", re.IGNORECASE)
_ESCAPED = regex(r"\\([\"'\\trn])")
_MEANT = {"t": "\t", "r": "\r", "n": "\n"}
# What says how and when a request ended: it must never become part of another value.
_NEEDED = frozenset({"status", "time_local", "time_iso8601", "msec"})
_FIXED = _NEEDED | {"pipe"}
_PATHS = frozenset({"request_uri", "uri", "document_uri"})
_BEFORE_A_PATH = frozenset({"host", "http_host", "server_name", "proxy_host", "request_method"})
_QUERY = frozenset({"is_args", "args", "query_string"})


class Part(NamedTuple):
    """A variable, or with `name` None the text between two. Of several variables the name may be one of its own."""

    name: str | None
    text: str


def meant(text: str) -> str:
    r"""Return a string of a configuration as Nginx understands it: `\t` is a tab (ngx_conf_file.c)."""
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]), text)


def parts_of(form: str) -> list[Part]:
    """Split a format into values and the texts between them.

    ValueError where the status or a time cannot be told from its neighbour, or where a record has several lines.
    """
    if "\n" in form:
        raise ValueError("log_format: it writes several lines for one request; lines are read one by one")
    found = list[Part]()
    for is_value, run in groupby(_parts(form), key=lambda part: part.name is not None):
        parts = list(run)
        found += _values(parts) if is_value else parts
    return found


def _parts(form: str) -> Iterator[Part]:
    end = 0
    for found in _VARIABLE.finditer(form):
        if found.start() > end:
            yield Part(None, form[end : found.start()])
        yield Part((found[1] or found[2]).lower(), found[0])
        end = found.end()
    if end < len(form):
        yield Part(None, form[end:])


def _values(run: list[Part]) -> Iterator[Part]:
    """Yield the values of variables with nothing between them."""
    while len(run) > 1 and ends_itself(*run[:2]):
        yield run.pop(0)
    for one, other in pairwise(run):
        if _NEEDED & {one.name, other.name}:
            raise ValueError(f"log_format: nothing stands between {one.text} and {other.text}")
    target = run[0].name in _PATHS and all(part.name in _QUERY for part in run[1:])
    yield run[0] if len(run) == 1 else Part(run[0].name if target else "", "".join(part.text for part in run))


def ends_itself(one: Part, other: Part) -> bool:
    """Tell whether a value ends where the next one begins, with nothing between them."""
    return one.name in _FIXED or (one.name in _BEFORE_A_PATH and other.name in _PATHS)
