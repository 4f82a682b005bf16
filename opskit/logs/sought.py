"""Lines that contain one of some texts, with their numbers: found by their bytes, so any format will do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import stringzilla

from opskit.logs import files
from opskit.logs.rotated import Held
from opskit.model.message import Message

# What stands before a text that begins anew: no letter or digit, unless it belongs to an escape or to a colour.
_BEFORE = (
    rb"(?:^|[^0-9A-Za-z]|\\[nrtbf]|\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}|\x1b\[[0-9;]{0,20}[A-Za-z])"
)
_AFTER = rb"(?![0-9A-Za-z])"


class Id:
    """A request id as logs write it: `r-1` is not found in `r-12`."""

    def __init__(self, text: str) -> None:
        self.needles = sorted({text.encode("utf-8", "surrogateescape"), json.dumps(text)[1:-1].encode()})
        before, after = (bounds if end.isascii() and end.isalnum() else b"" for bounds, end in _ends(text))
        self._whole = re.compile(before + b"(?:" + b"|".join(map(re.escape, self.needles)) + b")" + after)

    def lines(self, file: Held, problems: list[Message]) -> Iterator[tuple[int, bytes]]:
        """Yield the lines that contain the id, with their numbers."""
        return ((number, line) for number, line in lines(file, self.needles, problems) if self._whole.search(line))


def _ends(text: str) -> tuple[tuple[bytes, str], tuple[bytes, str]]:
    return (_BEFORE, text[0]), (_AFTER, text[-1])


def lines(file: Held, needles: Sequence[bytes], problems: list[Message]) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that contain one of some texts, with their numbers."""
    before = 0
    try:
        for block in files.blocks(file.path, file.at):
            hits = {block.rfind(b"\n", 0, at) + 1 for needle in needles for at in _places(block, needle)}
            for begin in sorted(hits):
                end = block.find(b"\n", begin)
                line = block[begin : end if end >= 0 else len(block)].removesuffix(b"\r")
                yield before + stringzilla.count(block, b"\n", 0, begin) + 1, line
            before += stringzilla.count(block, b"\n")
    except files.LogError as stopped:
        problems.append(stopped.message)


def _places(block: bytes, needle: bytes) -> Iterator[int]:
    find = stringzilla.Str(block).find
    at = find(needle)
    while at >= 0:
        yield at
        at = find(needle, at + len(needle))
