"""The lines of a block that contain a text: at once as a block of their own, or one by one."""

from __future__ import annotations

from collections.abc import Iterator

import stringzilla

_DIGITS = frozenset(b"0123456789")
_STATUS = 3


def together(data: bytes | bytearray, end: int, needle: bytes) -> tuple[bytes, int, int]:
    """Return the lines of `data[:end]` that contain a text, how long they are together, and how many."""
    find, line_start, line_end = stringzilla.Str(data).find, data.rfind, data.find
    lines = list[bytes | bytearray]()
    add = lines.append
    at = find(needle, 0, end)
    while at >= 0:
        stop = line_end(b"\n", at) + 1
        add(data[line_start(b"\n", 0, at) + 1 : stop])
        at = find(needle, stop, end)
    block = b"".join(lines)
    return block, len(block), len(lines)


def places(data: bytes | bytearray, end: int, needle: bytes, bare: bool) -> Iterator[tuple[int, int]]:
    """Yield where those lines begin and end; `bare` is for a status that must have no digit beside it."""
    find = stringzilla.Str(data).find
    at = find(needle, 0, end)
    while at >= 0:
        if bare and (data[at + _STATUS] in _DIGITS or (at and data[at - 1] in _DIGITS)):
            at = find(needle, at + 1, end)
            continue
        stop = data.find(b"\n", at)
        yield data.rfind(b"\n", 0, at) + 1, stop
        at = find(needle, stop, end)
