"""The line of another program in the JSON of journald (`journalctl -o json`) or docker (`json-file`)."""

from __future__ import annotations

from opskit.logs.gateway import decoded


def carried(line: bytes) -> bytes:
    """Return the line that was carried, or the line itself where it is nobody's envelope."""
    if not line.startswith(b"{"):
        return line
    key = "log" if line.startswith(b'{"log":') else "MESSAGE" if b'"__REALTIME_TIMESTAMP"' in line else None
    said = (decoded(line) or {}).get(key) if key is not None else None
    if isinstance(said, list):  # journald writes what is no UTF-8 as numbers
        return bytes(part for part in said if isinstance(part, int) and 0 <= part < 256)
    return said.rstrip("\r\n").encode("utf-8", "surrogateescape") if isinstance(said, str) else line
