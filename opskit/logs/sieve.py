r"""Separates, in blocks of combined lines, the few that need reading from the many that need only be counted.

One pattern walks over consecutive lines that `nginx_access.parse` certainly accepts; it is a subset of the form
there, so counts stay exact. Among those lines only the ones with a wanted status somewhere behind a quote are
candidates. Candidates, and every line the pattern stops at, are then parsed in full by the caller.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_LONG = "Jan|Mar|May|Jul|Aug|Oct|Dec"
_SHORT = "Apr|Jun|Sep|Nov"
_DAY = rf"(?:(?:0[1-9]|1\d|2[0-8])/(?:{_LONG}|{_SHORT}|Feb)|(?:29|30)/(?:{_LONG}|{_SHORT})|31/(?:{_LONG}))"
_TIME = rf" \[{_DAY}/[1-9]\d{{3}}:(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d [+-](?:[01]\d|2[0-3])[0-5]\d\] "
_QUOTED = r'"[^"\n]*+(?<!\\)"'
_LINES = re.compile(
    (
        rf'(?:[^\s"]++ (?:- |[^\s"]++ - )[^"\n]*+(?<={_TIME}){_QUOTED} \d{{3}} (?:\d{{1,18}}+|-)'
        rf"(?: {_QUOTED} {_QUOTED}(?: [^\n]*+)?+)?+\r?+\n)*+"
    ).encode()
)

# The same for lines without further fields, in single-character negations, which the engine runs twice as fast. They
# could run over a line end; six quotes for each line end prove that none did.
_PLAIN = re.compile(
    (
        rf'(?:[^\s"]++ (?:- |[^\s"]++ - )[^"]*+(?<={_TIME})"[^"]*+(?<!\\)" \d{{3}} (?:\d{{1,18}}+|-)'
        r' "[^"]*+(?<!\\)" "[^"]*+(?<!\\)"\r?+\n)*+'
    ).encode()
)
_QUOTES = 6


def candidate(statuses: Collection[str]) -> re.Pattern[bytes]:
    """Return the pattern of lines that may have one of the statuses, given as `429` or `5xx`."""
    digits = "|".join(sorted(status.replace("x", "[0-9]") for status in statuses))
    return re.compile(rf'" (?:{digits}) '.encode())


def sift(block: bytes, wanted: re.Pattern[bytes]) -> Iterator[bytes]:
    """Yield the lines of a block that must be parsed; all others are certainly good and certainly not wanted.

    The block consists of whole lines and ends in a line end.
    """
    position, end = 0, len(block)
    while position < end:
        stop = _certain(block, position)
        yield from _candidates(block, position, stop, wanted)
        if stop < end:
            line_end = block.find(b"\n", stop)
            yield block[stop:line_end]
            position = line_end + 1
        else:
            position = end


def _certain(block: bytes, begin: int) -> int:
    """Return how far the lines from `begin` on are certainly good."""
    plain = _PLAIN.match(block, begin)
    stop = plain.end() if plain else begin
    if stop > begin and block.count(b'"', begin, stop) == _QUOTES * block.count(b"\n", begin, stop):
        return stop
    lines = _LINES.match(block, begin)
    return lines.end() if lines else begin


def _candidates(block: bytes, begin: int, end: int, wanted: re.Pattern[bytes]) -> Iterator[bytes]:
    while match := wanted.search(block, begin, end):
        line_start = block.rfind(b"\n", 0, match.start()) + 1
        line_end = block.find(b"\n", match.end() - 1)
        yield block[line_start:line_end]
        begin = line_end + 1
