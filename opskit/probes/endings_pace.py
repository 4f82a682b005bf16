"""How requests ran beside each other, who hung up, and how many of them a message makes. Pure."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Sequence

from opskit.logs.request import Request
from opskit.probes.answer import OWN_AGENT
from opskit.probes.endings_of import NEWEST, Ending

_LONG_S = 0.5
_FLOWING = 0.7
_TOGETHER_S = 1.1  # Nginx writes whole seconds
_MOST = 0.6
_MESSAGES = 4
_LATE = 0.95
_EVENT_B = 60
_WEBSOCKET = 101
_LEFT = {499, _WEBSOCKET}
_ANSWERED = {"good", "empty", "unspoken", "cut", "left"}


def flows(ended: Sequence[Ending]) -> bool | None:
    """Whether the last long answers began well before they ended; None where the log does not tell."""
    shares = [
        first / total
        for one in ended
        if one.kind == "good"
        and (first := one.request.first_byte_s) is not None
        and (total := one.request.duration_s or 0.0) >= _LONG_S
    ][-3:]
    return sorted(shares)[len(shares) // 2] < _FLOWING if shares else None


def front_late(ended: Sequence[Ending], front: Sequence[Request] | None) -> bool | None:
    """Whether Nginx got the newest streams of the API from the gateway only at their end.

    None where its log has no `$upstream_header_time`, or too few of them took long enough. An answer in one piece has
    its beginning at its end as well: only those count whose size is that of a stream, an event for each token.
    """
    tokens = sorted(count for one in ended if one.kind == "good" and (count := one.request.completion_tokens))
    if front is None or not tokens:
        return None
    stream_b = _EVENT_B * tokens[len(tokens) // 2]
    shares = [
        first / total
        for one in front
        if one.status == 200
        and _is_message(one)
        and (one.path or "").startswith("/v1/")
        and (one.size_b or 0) >= stream_b
        and (first := one.first_byte_s) is not None
        and (total := one.duration_s or 0.0) >= _LONG_S
    ][-5:]
    return None if len(shares) < 3 else sorted(shares)[len(shares) // 2] > _LATE


def left_by(newest: Sequence[Ending], front: Sequence[Request] | None) -> str | None:
    """Return who hung up on the gateway; None where Nginx's log is not known, or tells now one and now the other.

    A person who leaves is a 499 at Nginx too, or the end of a WebSocket (101). Where Nginx tells of other endings at
    these moments, a server between person and gateway gave up: whether that is Nginx itself stands in its error log.
    Of whoever asks the gateway past Nginx it is not known what stands in front.
    """
    gone = [one.request for one in newest if one.kind == "left"]
    if not gone:
        return ""
    if front is None:
        return None
    known = {one.client for one in front}
    by = {"user": 0, "server": 0}
    for request in gone:
        who = None if _is_direct(request, known) else _left_by(request, front)
        if who is not None:
            by[who] += 1
    name = max(by, key=lambda key: by[key])
    return name if by[name] >= max(2.0, _MOST * sum(by.values())) else None


def _left_by(request: Request, front: Sequence[Request]) -> str | None:
    """Who hung up on one request. An answer that has begun keeps its 200 at Nginx, whoever leaves."""
    beside = [one for one in front if abs(one.at - request.at) <= _TOGETHER_S]
    own = [one for one in beside if one.client == request.client] or beside
    if request.first_byte_s is not None:
        told = {one.complete for one in own}
        return "server" if told == {True} else "user" if told == {False} else None
    if any(one.status in _LEFT for one in own):
        return "user"
    return "server" if any(_is_message(one) for one in own) else None


def per_message(ended: Sequence[Ending], front: Sequence[Request] | None) -> float | None:
    """Return how many requests the gateway gets for one that users make; None where too few are known.

    Only what reached the model counts, for what is refused is asked again; so is what came too late, and of those a
    prompt of the same length counts once. Messages that come over a WebSocket are in no log.
    """
    if front is None or len(ended) < _MESSAGES or any(one.status == _WEBSOCKET for one in front):
        return None
    # Nginx writes whole seconds: with the exact moment its lines of that second would be left out.
    since, known = math.floor(ended[-NEWEST:][0].request.at), {one.client for one in front}
    messages = sum(one.at >= since and _is_message(one) for one in front)
    asked = [one.request for one in ended if one.request.at >= since and one.kind in _ANSWERED]
    late = [one.request for one in ended if one.request.at >= since and one.kind == "late"]
    asked += {(one.user, one.client, one.prompt_chars): one for one in late if one.prompt_chars}.values()
    calls = sum(not _is_direct(request, known) for request in asked)
    # Where most come past Nginx, Clawdbot may be among them, from a container's address.
    return round(calls / messages, 2) if messages >= _MESSAGES and calls >= len(asked) / 2 else None


def _is_message(request: Request) -> bool:
    return request.method == "POST" and request.agent != OWN_AGENT


def _is_direct(request: Request, known: set[str | None]) -> bool:
    """Whether it came from another host, and not through Nginx, which does not know its address."""
    if not request.client or request.client in known:
        return False
    try:
        return not ipaddress.ip_address(request.client).is_loopback
    except ValueError:
        return False
