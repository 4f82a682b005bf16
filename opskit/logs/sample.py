"""A few lines of a block, by which its format is known."""

from __future__ import annotations

from collections.abc import Sequence

LINES = 100
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


def mark(lines: Sequence[bytes], outline: Sequence[bytes]) -> bytes:
    """Return a letter of the outline that each of the lines has exactly once, b"" where there is none."""
    letters = (bytes((letter,)) for text in outline for letter in text if not bytes((letter,)).isalnum())
    return next((letter for letter in letters if lines and all(line.count(letter) == 1 for line in lines)), b"")


def _lines(found: Sequence[bytes]) -> list[bytes]:
    return [line.removesuffix(b"\r") for line in found]
