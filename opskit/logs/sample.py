"""A few lines of a block, by which its format is known."""

from __future__ import annotations

from collections.abc import Sequence

LINES = 200
_REACH = 1 << 16


def head(data: bytes | bytearray, end: int) -> list[bytes]:
    """Return the first lines of `data[:end]`, which ends in a line end."""
    cut = data.find(b"\n", min(end - 1, _REACH)) + 1
    return _lines(bytes(data[: cut or end]).split(b"\n")[:-1])


def tail(data: bytes | bytearray, end: int) -> list[bytes]:
    """Return the last lines."""
    return _lines(bytes(data[max(0, end - _REACH) : end]).split(b"\n")[1:-1])


def spread(data: bytes | bytearray, end: int) -> list[bytes]:
    """Return lines from all over: what begins and ends with other things may have its own in between."""
    lines = bytes(data[:end]).split(b"\n")[:-1]
    return _lines(lines[:: max(1, len(lines) // LINES)])


def _lines(found: Sequence[bytes]) -> list[bytes]:
    return [line.removesuffix(b"\r") for line in found]
