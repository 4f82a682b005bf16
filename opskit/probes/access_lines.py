"""Lines of Nginx's logs, whoever formatted and carried them, to requests and records: between evidence and probes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from opskit.logs import access_loose, colours, formats, gateway_text, nginx_access, nginx_error
from opskit.logs.envelope import layer
from opskit.logs.request import Request
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.probes.base import ProbeError
from opskit.probes.log_tail import Line, read_lines

_TOO_MANY_UNKNOWN = 3  # the last line may be half written, and a stray one may stand before it
_LAYERS = 3  # docker compose around a container whose Nginx writes to syslog
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


def error_record(line: bytes, zone: tzinfo) -> nginx_error.ErrorRecord | None:
    """Parse a line that begins a record of the error log, whatever carried it; None for others.

    The record's own time counts: the carrier's is when it came there.
    """
    found = nginx_error.parse(line, zone)
    if found is not None:
        return found
    text = colours.bare(line[:_LONGEST]).strip(b"\0 ").decode("utf-8", "surrogateescape")
    for _ in range(_LAYERS):
        found = nginx_error.parse(text.encode("utf-8", "surrogateescape"), zone)
        opened = layer(text, zone, None) if found is None and not _is_foreign_json(text) else None
        if opened is None:
            break
        text = opened.text.strip()
    return found


def _is_foreign_json(text: str) -> bool:
    """What stands in JSON is another program's line only where docker or journald wrote it."""
    return text.startswith("{") and not ('"__REALTIME_TIMESTAMP"' in text or text.startswith('{"log":'))


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
