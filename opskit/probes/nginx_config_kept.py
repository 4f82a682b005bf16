"""Which directives of a configuration are kept as evidence, and with which of their arguments.

A value that could be a key (of `proxy_set_header`, of a comparison, of a text that `return` answers) is masked by where
it stands, not by how it looks: `proxy_set_header X-Api-Key 1234` has nothing that a pattern would know it by.
"""

from __future__ import annotations

from collections.abc import Sequence

from opskit.logs.redact import MARK, redact
from opskit.model.regex import regex

_LONGEST = 300
_MOST_ARGS = 200
_BLOCKS = frozenset({"http", "server", "location", "if", "upstream", "limit_except"})
_PLAIN = frozenset({
    "access_log", "alias", "add_header_inherit", "allow", "break", "client_max_body_size", "deny", "error_page", "gzip",
    "gzip_types", "index", "limit_conn", "limit_conn_dry_run", "limit_req", "limit_req_dry_run", "listen", "pid",
    "proxy_buffering", "proxy_http_version", "proxy_pass", "proxy_read_timeout", "proxy_request_buffering", "rewrite",
    "root", "satisfy", "server", "server_name", "ssl", "ssl_reject_handshake", "try_files",
    # What answers in the place of files:
    "autoindex", "dav_methods", "echo", "empty_gif", "flv", "hls", "js_content", "mp4", "perl", "stub_status",
})  # fmt: skip
HANDLERS = frozenset({"dav_methods", "echo", "empty_gif", "flv", "hls", "js_content", "mp4", "perl", "stub_status"})
"""Directives that answer a request themselves, besides those whose name ends in `_pass`."""
_SHOWN_HEADERS = frozenset({"connection", "host", "upgrade"})
_VARIABLES = regex(r"(?:\$\{?[A-Za-z0-9_]+\}?)+")
_VARIABLE = regex(r"\$\{?([A-Za-z0-9_]+)")
_OPERATORS = frozenset({"=", "!=", "~", "~*", "!~", "!~*"})
_COMPARED = regex(r"\$(?:scheme|https|request_method|host|http_host|server_port|uri|request_uri)\Z")
UPGRADE = "$http_upgrade"


def answers(name: str) -> bool:
    """Whether a directive answers the requests of its location."""
    return name in HANDLERS or name.endswith("_pass") or is_program(name)


def is_program(name: str) -> bool:
    """Whether it runs a program that may answer, redirect or change anything."""
    return name.startswith(("content_by_lua", "rewrite_by_lua", "access_by_lua"))


def kept(name: str, args: Sequence[str]) -> tuple[str, ...] | None:
    """Return the arguments that may be kept of a directive in `http`, None where nothing judges it."""
    found = _arguments(name, args)
    if found is None:
        return None
    return tuple(redact(text)[:_LONGEST] for text in found[:_MOST_ARGS])


def _arguments(name: str, args: Sequence[str]) -> Sequence[str] | None:
    if is_program(name):
        return ()
    if name in _BLOCKS - {"if", "server"} or name in _PLAIN or name.endswith("_pass"):
        return args
    special = {
        "if": _condition,
        "log_format": _format,
        "return": _returned,
        "map": lambda given: given if given[:1] == [UPGRADE] else given[:2],
        "add_header": lambda given: given[:1],
        "proxy_set_header": _header,
    }.get(name)
    return special(list(args)) if special else None


def kept_of_map(source: str, words: Sequence[str]) -> tuple[str, ...] | None:
    """Return an entry of a `map` from the request's Upgrade header, None of any other map."""
    return tuple(redact(word)[:_LONGEST] for word in words[:2]) if source == UPGRADE else None


def _format(args: list[str]) -> list[str]:
    """The name and the variables of a `log_format`."""
    return [*args[:1], *dict.fromkeys(found for word in args[1:] for found in _VARIABLE.findall(word))]


def _condition(args: list[str]) -> list[str]:
    args = _bare(args)
    if args and _COMPARED.match(args[0]):
        return args
    return [word if word in _OPERATORS or _VARIABLES.fullmatch(word) else MARK for word in args]


def _bare(args: list[str]) -> list[str]:
    """The words between the brackets of an `if`."""
    if not args:
        return []
    words = [args[0].removeprefix("("), *args[1:]]
    words[-1] = words[-1].removesuffix(")")
    return [word for word in words if word] or [""]


def _returned(args: list[str]) -> list[str]:
    """The code and where it leads to. A text that it answers is left out, and so is what follows a `?`."""
    code, *rest = args or [""]
    if not code.isdecimal():
        return [code.partition("?")[0]]
    return [code, *(word.partition("?")[0] for word in rest[:1])] if code.startswith("3") else [code]


def _header(args: list[str]) -> list[str]:
    """The name, and the value where it is made of variables only or is known to be none that matters."""
    name, value = (*args, "", "")[:2]
    open_value = not value or name.lower() in _SHOWN_HEADERS or _VARIABLES.fullmatch(value)
    return [name, value if open_value else MARK]
