"""The requests that ended lately, by the logs of gateway and Nginx, oldest first. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from opskit.logs.finished import whole
from opskit.logs.gateway_fields import TimeUnit
from opskit.logs.host_zone import host_zone
from opskit.logs.request import Request
from opskit.model.raw import Raw
from opskit.model.regex import regex
from opskit.probes.access_lines import access_record
from opskit.probes.answer import OWN_AGENT, OWN_REQUEST
from opskit.probes.endings_kind import Kind, kind_of
from opskit.probes.gateway_told import records
from opskit.probes.log_tail import Line, not_ahead, read_lines

NEWEST = 20
_OWN_S = (-1.1, 3.5)
"""Of the second in which opskit's own question ended at Nginx: it asks the gateway right after."""
_LOOKS = regex(r"(?:/v1)?/(?:models?|tags|ps|version|health\w*|ready\w*|live\w*|ping|metrics|status|favicon\.ico)\b")
_OTHER_WORK = regex(r"/(?:embeddings?|embed|rerank|moderations|audio|images)\b")
_STREAM = regex(rb'\bstream(?:ed|ing)?"?\s{0,2}[:=]\s{0,2}"?(true|false)')
_CLIENT_LEFT = regex(rb'\bclient_?(?:aborted|disconnected|closed|gone)"?\s{0,2}[:=]\s{0,2}"?true', re.IGNORECASE)
_Told = tuple[Request, Line]


class Ending(msgspec.Struct, frozen=True):
    """A request that ended at the gateway, and how."""

    request: Request
    line: Line
    kind: Kind
    in_pieces: bool | None = None
    """Whether it was a stream; None where the log does not say."""


def endings_of(
    raws: Sequence[Raw], time_unit: TimeUnit, recent_s: float, now: datetime, front: Sequence[Request] | None = None
) -> list[Ending]:
    """Return users' requests that ended within `recent_s` seconds before `now`.

    `front` are those of Nginx's log, opskit's own among them. Raises ProbeError where no line is a record.
    """
    at, zone = now.timestamp(), now.tzinfo or host_zone()
    found = _once(not_ahead(records(raws, time_unit, zone, at), at))
    told = sorted(_of_users(found, front or ()), key=lambda pair: pair[0].at)
    habits = _Habits(told)
    recent = [(whole(request, line.data), line) for request, line in told if at - request.at <= recent_s]
    return [Ending(request, line, habits.kind(request, line), _in_pieces(line)) for request, line in recent]


def front_of(raws: Sequence[Raw], recent_s: float, now: datetime) -> list[Request]:
    """Return the requests that ended at Nginx within `recent_s` seconds before `now`, opskit's own among them."""
    at, zone = now.timestamp(), now.tzinfo or host_zone()
    parsed = ((access_record(line.data, zone, at), line) for line in read_lines(raws))
    told = ((request, line) for request, line in parsed if request is not None)
    found = [request for request, _ in not_ahead(told, at) if at - request.at <= recent_s]
    return sorted(found, key=lambda request: request.at)


def is_of(request: Request, user: str) -> bool:
    """Whether it is of a user, by the name or the address in the log."""
    return user in {request.user, request.client}


def _once(told: Iterable[_Told]) -> list[_Told]:
    """Of several lines about the end of one request keep the one that tells most: some gateways write two."""
    found: list[_Told] = []
    places: dict[str, int] = {}
    for request, line in told:
        name = request.request_id
        if request.event != "end":
            continue
        if name is None or name not in places:
            if name is not None:
                places[name] = len(found)
            found.append((request, line))
        elif _told(request) >= _told(found[places[name]][0]):
            found[places[name]] = request, line
    return found


def _told(request: Request) -> tuple[bool, int]:
    values = msgspec.structs.astuple(request)
    return request.status is not None, sum(value is not None for value in values)


def _of_users(told: Sequence[_Told], front: Sequence[Request]) -> list[_Told]:
    """Leave out looks at the service itself, and opskit's questions, by their id or by when Nginx knows of them."""
    named = any((request.request_id or "").startswith(OWN_REQUEST) for request, _ in told)
    own = [] if named else [request.at for request in front if request.agent == OWN_AGENT]
    return [
        (request, line)
        for request, line in told
        if not (request.request_id or "").startswith(OWN_REQUEST)
        and request.agent != OWN_AGENT
        and _is_question(request)
        and not any(_OWN_S[0] <= request.at - at <= _OWN_S[1] for at in own)
    ]


def _is_question(request: Request) -> bool:
    path = (request.path or "").partition("?")[0]
    if (request.method or "POST").upper() != "POST" or _OTHER_WORK.search(path):
        return False
    return not _LOOKS.fullmatch(path)


def _in_pieces(line: Line) -> bool | None:
    found = _STREAM.search(line.data)
    return found[1] == b"true" if found else None


class _Habits:
    """What the log tells of good answers: a log that told of first words, and of none since, does tell of them.

    Answers in pieces and in one piece have habits of their own: gateways know less of the first, or of the second.
    """

    def __init__(self, told: Sequence[_Told]) -> None:
        self._first = {_in_pieces(line) for request, line in told if request.first_byte_s is not None}
        self._tokens = {_in_pieces(line) for request, line in told if request.completion_tokens}

    def kind(self, request: Request, line: Line) -> Kind:
        pieces = _in_pieces(line)
        kind = kind_of(request, tells_first=pieces in self._first, tells_tokens=pieces in self._tokens)
        return "left" if kind == "cut" and _CLIENT_LEFT.search(line.data) else kind
