"""Whether Nginx itself turns the questions of everybody away, by `return` or by `deny all`. Pure.

Such a question reaches no service, so no other log knows of it. A list of addresses, a password or a certificate of the
client lets the right people in: that they are asked for is no fault, and is left out here.
"""

from __future__ import annotations

from opskit.model.message import say
from opskit.probes.nginx_config_evidence import Directive
from opskit.probes.nginx_config_findings import Told
from opskit.probes.nginx_config_level import Level, blocks
from opskit.probes.nginx_config_route import Route

_ACCESS = ("allow", "deny")
_METHOD = "POST"
_FORBIDDEN = 403


def refusal(route: Route) -> Told:
    """The status with which Nginx answers the route itself, 0 where it does not. Raises DoubtError."""
    status, by = _returned(route) if route.kind == "answered" else _denied(_of_method(route.level))
    if by is None:
        return Told(0)
    place = route.level.place(by)
    return Told(
        status, (by,), say("{place}: Nginx answers {status} itself and passes nothing on", place=place, status=status)
    )


def _returned(route: Route) -> tuple[int, Directive | None]:
    code = route.by.args[0] if route.by.args else ""
    failing = route.by.name == "return" and code.isascii() and code.isdecimal() and 400 <= int(code[:4]) < 600
    return (int(code), route.by) if failing else (0, None)


def _of_method(level: Level) -> Level:
    """What holds for questions: `limit_except` has rules of its own for the methods that it does not name."""
    found = [each for each in blocks(level.own, "limit_except") if _METHOD not in {word.upper() for word in each.args}]
    return level.below(found[-1]) if found else level


def _denied(level: Level) -> tuple[int, Directive | None]:
    """`deny all` with no `allow` in front of it; the rules of an inner level replace those around it."""
    for name in _ACCESS:
        level.all(name)  # a part that was not read, or a condition, may hold further rules
    if level.value("satisfy", "all").lower() == "any":
        return 0, None
    at: Level | None = level
    while at is not None and not at.named(*_ACCESS):
        at = at.above
    first = at.named(*_ACCESS)[0] if at is not None else None
    everybody = first is not None and first.name == "deny" and first.args[:1] == ("all",)
    return (_FORBIDDEN, first) if everybody else (0, None)
