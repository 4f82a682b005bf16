"""Lines of Nginx's error log, whoever carried them, to records: between evidence and probes.

Apart from those of the access log: whoever reads only errors need not load all formats of requests.
"""

from __future__ import annotations

from datetime import tzinfo

from opskit.logs import colours, nginx_error

_LAYERS = 3  # docker compose around a container whose Nginx writes to syslog
_LONGEST = 1 << 16


def error_record(line: bytes, zone: tzinfo) -> nginx_error.ErrorRecord | None:
    """Parse a line that begins a record of the error log, whatever carried it; None for others.

    The record's own time counts: the carrier's is when it came there.
    """
    found = nginx_error.parse(line, zone)
    if found is not None:
        return found
    from opskit.logs.envelope import layer  # most logs come in none

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
