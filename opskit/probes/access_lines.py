"""Lines of Nginx's access log, whoever formatted and carried them, to requests: between evidence and probes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from opskit.logs import access_loose, colours, formats, gateway_text, nginx_access
from opskit.logs.request import Request
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.probes.base import ProbeError
from opskit.probes.error_lines import error_record
from opskit.probes.log_tail import Line, read_lines

_TOO_MANY_UNKNOWN = 3  # the last line may be half written, and a stray one may stand before it
_LONGEST = 1 << 16
Seen = tuple[Request, Line]


def access_record(line: bytes, zone: tzinfo, newest: float | None = None) -> Request | None:
    """Parse a line; None where its format is not known. `newest`, when the log was read, dates stamps of syslog."""
    found = nginx_access.parse(line)
    if found is not None:
        return found
    line = colours.bare(line[:_LONGEST]).strip(b"\0")
    if b"] [Length " in line:
        found = formats.known(zone)["nginx-proxy-manager"].parse(line)
        return found if found is not None and found.event != "other" else None
    found = None if line.startswith(b"{") else access_loose.parse(line, zone)
    return found or gateway_text.read(line, "s", zone, newest)


def access_requests(raws: Sequence[Raw], zone: tzinfo, newest: float) -> Iterator[Seen]:
    """Parse the lines. A container writes the error log to the same stream: its lines are passed over.

    Raises ProbeError where the newest ones have another format than is known: what they tell would be missed.
    """
    known = unknown = errors = 0
    for line in read_lines(raws):
        request = access_record(line.data, zone, newest)
        if request:
            known, unknown = known + 1, 0
            yield request, line
        elif error_record(line.data, zone) is not None:
            errors += 1
        else:
            unknown += 1
    if unknown >= (_TOO_MANY_UNKNOWN if known else 1) or (errors and not known):
        raise ProbeError(say("{path}: its newest lines have no known format", path=raws[-1].origin))
