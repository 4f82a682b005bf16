"""What a gateway's log told, gathered line by line: days of it need not stand in memory to be counted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from opskit.logs import gateway as log
from opskit.logs import gateway_text, logfmt
from opskit.logs.gateway_fields import TimeUnit
from opskit.logs.request import Request
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.model.regex import regex
from opskit.probes.answer import OWN_REQUEST
from opskit.probes.base import ProbeError
from opskit.probes.log_tail import Line, read_lines

Seen = tuple[Request, Line]
_HOUR_S = 3600.0
_MOST_S = 26 * _HOUR_S
_LATELY_S = 300.0
_ZONES = (UTC, timezone(timedelta(hours=1)))
_OTHER_403 = regex(r"quota|balance|billing|credit|model|ollama|upstream|额度|余额|模型")


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

    def started(self) -> dict[str, float]:
        """Return when each request began whose start is logged, in epoch seconds."""
        return {request.request_id or "": request.at for request in self.ids if request.event == "start"}


def zone_known(newest: Seen, at: float, time_unit: TimeUnit, zone: tzinfo) -> None:
    """Raise ProbeError where the newest line names no zone and is late by about as much as zones differ.

    A gateway in a container writes UTC where its host does not, and all its lines would seem hours old. Zones differ
    from UTC by whole hours, but for few.
    """
    request, line = newest
    late = at - request.at
    offset = (datetime.fromtimestamp(at, zone).utcoffset() or timedelta()).total_seconds()
    if not _HOUR_S / 2 <= late <= _MOST_S or (late + offset) % _HOUR_S > _LATELY_S:
        return
    seen = {found.at for zone in _ZONES if (found := record(line.data, time_unit, zone, at)) is not None}
    if len(seen) > 1:
        raise ProbeError(
            say(
                "{path}:{line} is {hours} h old by a stamp without a zone: it may be of another zone than this host's",
                path=line.source,
                line=line.number,
                hours=f"{late / _HOUR_S:.1f}",
            )
        )


def is_turned_away(request: Request) -> bool:
    """Whether the gateway let an address or a key not in (403): not for its balance or model, and not Ollama itself."""
    if request.status != 403 or (request.upstream_status or "").startswith("403"):
        return False
    return not _OTHER_403.search((request.error or "").lower())


def record(line: bytes, time_unit: TimeUnit, zone: tzinfo, newest: float | None = None) -> Request | None:
    """Parse a line, of JSON, of `key=value` pairs or in words; None where it tells of no request.

    `newest` is when the log was read, in epoch seconds: stamps without a year need it.
    """
    found = log.parse(line, time_unit, zone) or logfmt.parse(line, time_unit, zone)
    return found or gateway_text.read(line, time_unit, zone, newest)


def stamp(line: bytes, zone: tzinfo) -> float | None:
    """Return the time of a line; None where it is no record."""
    request = record(line, "s", zone, time.time())
    return request.at if request else None


def records(raws: Sequence[Raw], time_unit: TimeUnit, zone: tzinfo, newest: float | None = None) -> Iterator[Seen]:
    """Parse the lines; a gateway writes other lines between the records of its requests. `newest` as in `record`.

    Raises ProbeError where there is none of these.
    """
    lines = found = 0
    for line in read_lines(raws):
        request, lines = record(line.data, time_unit, zone, newest), lines + 1
        if request:
            found += 1
            yield request, line
    if lines and not found:
        raise ProbeError(say("{path}: no line is a record of a request", path=raws[-1].origin))
