"""What a gateway's log told, gathered line by line: days of it need not stand in memory to be counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from opskit.logs import gateway as log
from opskit.logs import logfmt
from opskit.logs.gateway_fields import TimeUnit
from opskit.logs.request import Request
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.probes.answer import OWN_REQUEST
from opskit.probes.base import ProbeError
from opskit.probes.log_tail import Line, read_lines

Seen = tuple[Request, Line]
_OTHER_403 = re.compile(r"quota|balance|billing|credit|model|ollama|upstream|额度|余额|模型")


class Told:
    """What is kept of the log: of requests that ended long ago no more than their ids."""

    def __init__(self) -> None:
        self.ended: list[Seen] = []
        self.ids: list[Request] = []
        self.starts: dict[str, Line] = {}
        self.newest: Seen | None = None
        self.named = False
        self.begins = False

    def take(self, request: Request, line: Line, since: float) -> None:
        """Note a request; opskit's own prove nothing about users."""
        name = request.request_id or ""
        if name.startswith(OWN_REQUEST):
            return
        self.named = self.named or bool(request.user)
        if self.newest is None or request.at >= self.newest[0].at:
            self.newest = request, line
        if request.event == "end" and request.at >= since:
            self.ended.append((request, line))
        if name:
            self.ids.append(Request(request.at, request.event, request_id=name))
            if request.event == "start":
                self.begins = True
                self.starts[name] = line
            else:
                self.starts.pop(name, None)


def is_turned_away(request: Request) -> bool:
    """Whether the gateway let an address or a key not in (403): not for its balance or model, and not Ollama itself."""
    if request.status != 403 or (request.upstream_status or "").startswith("403"):
        return False
    return not _OTHER_403.search((request.error or "").lower())


def record(line: bytes, time_unit: TimeUnit, zone: tzinfo) -> Request | None:
    """Parse a line, of JSON or of `key=value` pairs; None where it tells of no request."""
    return log.parse(line, time_unit, zone) or logfmt.parse(line, time_unit, zone)


def records(raws: Sequence[Raw], time_unit: TimeUnit, zone: tzinfo) -> Iterator[Seen]:
    """Parse the lines; a gateway writes other lines between the records of its requests.

    Raises ProbeError where there is none of these.
    """
    lines = found = 0
    for line in read_lines(raws):
        request, lines = record(line.data, time_unit, zone), lines + 1
        if request:
            found += 1
            yield request, line
    if lines and not found:
        raise ProbeError(say("{path}: no line is a record of a request", path=raws[-1].origin))
