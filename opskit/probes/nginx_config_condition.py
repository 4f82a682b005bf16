"""What the condition of an `if` says to the requests that are looked at, as far as it is known without asking Nginx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from opskit.logs.redact import MARK
from opskit.probes.nginx_config_pattern import match


class Request(NamedTuple):
    """A request as a browser or a program sends it. `host` is empty where the name that users type is not known."""

    path: str
    method: str = "GET"
    scheme: str = "https"
    host: str = ""


def decide(args: Sequence[str], request: Request, path: str) -> bool | None:
    """Whether the condition holds for the request, whose path is `path` by now; None where it cannot be told.

    Raises DoubtError for an expression that cannot be applied.
    """
    if not args:
        return None
    value = _values(request, path).get(args[0].strip("{}").replace("${", "$"))
    if value is None or any(MARK in word or "$" in word for word in args[1:2]):
        return None
    if len(args) == 1:
        return value not in {"", "0"}
    if len(args) == 2 and args[1] in {"=", "!="}:  # compared with nothing
        return (value == "") is (args[1] == "=")
    return _compared(value, args[1], args[2]) if len(args) == 3 else None


def _values(request: Request, path: str) -> dict[str, str]:
    known = {
        "$scheme": request.scheme,
        "$https": "on" if request.scheme == "https" else "",
        "$request_method": request.method,
        "$uri": path,
        "$request_uri": request.path,
    }
    return known | ({"$host": request.host, "$http_host": request.host} if request.host else {})


def _compared(value: str, operator: str, other: str) -> bool | None:
    if "$" in other and not operator.endswith(("~", "*")):
        return None
    negated = operator.startswith("!")
    if operator in {"=", "!="}:
        return (value == other) is not negated
    if operator in {"~", "~*", "!~", "!~*"}:
        return (match(other, value, any_case=operator.endswith("*")) is not None) is not negated
    return None
