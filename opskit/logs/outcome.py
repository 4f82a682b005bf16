"""What an answer really was: a 200 can be a failure, a 502 somebody else's, and a round duration a timeout.

After its header is sent, Nginx cannot change a status: a stream that dies in the middle stays a 200, and only the error
log tells (ngx_http_upstream.c). 499 means that the client left before Nginx had sent anything.
"""

from __future__ import annotations

from collections.abc import Sequence

from opskit.logs.nginx_error import ErrorRecord
from opskit.logs.request import Request
from opskit.model.message import Message, say
from opskit.model.regex import regex

_ROUND_S = (5, 10, 15, 20, 30, 45, 60, 90, 100, 120, 180, 240, 300, 600, 900, 1800, 3600)
_NEAR_S = 0.1  # a timeout strikes within milliseconds; wider, one duration in seven would be near one of these
_AT_ONCE_S = 1.0
_TIMED_OUT = frozenset({110, 60, 10060})
_RESET = frozenset({104, 54, 10054})
_LISTS = regex(", | : ")
_BAD = frozenset({502, 503, 504})
_LEFT = 499
_MILD = frozenset({"warn", "notice", "info", "debug"})


def outcomes(request: Request, errors: Sequence[ErrorRecord] = ()) -> list[Message]:
    """Return what the status alone does not tell of a request, the gravest first; [] where nothing is remarkable.

    `errors` are the lines of Nginx's error log about the same request.
    """
    said = [_broken(request, errors), _left(request), _origin(request, errors), _retried(request), _timeout(request)]
    return [message for message in said if message is not None]


def _broken(request: Request, errors: Sequence[ErrorRecord]) -> Message | None:
    """A success that was none."""
    if request.status is None or not 200 <= request.status < 300:
        return None
    for error in errors:
        if error.action == "reading upstream" and error.errno in _TIMED_OUT:
            return say("the answer stopped in the middle: nothing came for as long as proxy_read_timeout allows")
        if error.action == "reading upstream" and (error.errno in _RESET or "prematurely closed" in error.message):
            return say("the answer broke off: what is behind Nginx closed the connection in the middle of it")
        if "client prematurely closed connection" in error.message:
            return say("the client left before the answer was complete")
    if request.error:
        return say("status {status}, but the log names an error: {error}", status=request.status, error=request.error)
    if request.complete is False:
        return say("status {status}, but the answer was not sent to its end", status=request.status)
    return None


def unended(told: Sequence[tuple[str, Request]]) -> list[Message]:
    """Return which layers noted that a request began and not that it ended; `told` are layers with their lines."""
    ended = {layer for layer, request in told if request.event == "end"}
    begun = {layer: None for layer, request in told if request.event == "start" and layer not in ended}
    return [
        say("{layer}: the request began and no end was noted; it is under way, or died with its server", layer=layer)
        for layer in begun
    ]


def _left(request: Request) -> Message | None:
    if request.status != _LEFT:
        return None
    if request.duration_s is None:
        return say("the client left before anything was sent")
    limit = _near(request.duration_s)
    if limit is not None:
        return say("the client gave up after {limit} s: a round time, so probably a timeout of its own", limit=limit)
    if request.duration_s < _AT_ONCE_S:
        return say("the client left at once: a page that was closed or loaded anew, or a health check")
    return say("the client left after {seconds} s, before anything was sent", seconds=f"{request.duration_s:.1f}")


def _origin(request: Request, errors: Sequence[ErrorRecord]) -> Message | None:
    """Who made the error: Nginx itself, or who stands behind it."""
    if request.status is None or request.upstream_status is None or request.status < 400:
        return None
    if _LISTS.split(request.upstream_status)[-1] in {"", "-"}:
        return _unanswered(request, request.status, errors)
    if request.status not in _BAD:
        return _from_behind(request) if _LISTS.split(request.upstream_status)[-1] == f"{request.status:03d}" else None
    # Where nobody could be reached, Nginx notes its own 502 or 504 as that of the upstream (ngx_http_upstream_next).
    if request.first_byte_s is not None:
        return _from_behind(request)
    if any(error.upstream and error.level not in _MILD for error in errors):
        return say("Nginx made the {status}: it got no usable answer from behind", status=request.status)
    return say("this log cannot tell whether Nginx made the {status} or passed it on", status=request.status)


def _unanswered(request: Request, status: int, errors: Sequence[ErrorRecord]) -> Message | None:
    """Nobody behind Nginx gave a status: nobody was asked, or the client left before the answer."""
    if request.upstream_addr:
        return say("{who} had been asked and had not answered yet", who=_LISTS.split(request.upstream_addr)[-1])
    if status == _LEFT or request.upstream_status:  # whether somebody had been asked is not logged
        return None
    if any("limiting requests" in error.message or "limiting connections" in error.message for error in errors):
        return say("Nginx itself refused it: one of its limits")
    return say("Nginx itself answered {status}; nobody behind it was asked", status=status)


def _from_behind(request: Request) -> Message:
    if not request.upstream_addr:
        return say("the {status} came from behind Nginx", status=request.status or 0)
    return say("the {status} came from {who}", status=request.status or 0, who=_LISTS.split(request.upstream_addr)[-1])


def _retried(request: Request) -> Message | None:
    tries = _LISTS.split(request.upstream_status) if request.upstream_status else []
    if len(tries) < 2:
        return None
    return say("{number} servers were tried: {statuses}", number=len(tries), statuses=request.upstream_status or "")


def _timeout(request: Request) -> Message | None:
    if request.status == _LEFT or request.status is None or request.status < 500 or request.duration_s is None:
        return None
    limit = _near(request.duration_s)
    return say("it took {limit} s, a round time: probably a timeout", limit=limit) if limit is not None else None


def _near(duration: float) -> int | None:
    return next((limit for limit in _ROUND_S if abs(duration - limit) <= _NEAR_S), None)
