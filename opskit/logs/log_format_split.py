"""A line of a `log_format` to its values, also where some of them stand outside quotes and may hold anything.

Such a loose value reaches to any place where what follows it fits, and a client can write text that fits. All ways to
read a line are therefore followed at once, in a time that grows with its length; what is the same in all of them is
certain, and nothing else is told.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from opskit.logs.log_format_parts import Escape


class Loose(bytes):
    """The pattern of how far a value can reach that holds anything up to there."""


LOOSE: dict[Escape, Loose] = {
    "default": Loose(rb'[^"\n]*+'),
    "json": Loose(rb'(?:[^"\\\n]|\\.)*+'),
    "none": Loose(rb"[^\n]*+"),
}
_LONGEST = 1 << 16

Split = Callable[[bytes], dict[str, bytes] | None]


def splitter(pieces: Sequence[tuple[str | None, bytes]]) -> Split:
    """Return what gives the values of a line, by name: pieces are a name (None: text between values) and a pattern.

    It gives None for a line that does not have the pieces, and leaves out values that could be several things.
    """
    fixed: list[list[tuple[str | None, bytes]]] = [[]]
    loose = list[tuple[str, bytes]]()
    for name, pattern in pieces:
        if isinstance(pattern, Loose):
            loose.append((name or "", pattern))
            fixed.append([])
        else:
            fixed[-1].append((name, pattern))
    anchors = [_Anchor(run, last=index == len(loose)) for index, run in enumerate(fixed)]
    return _Several(anchors, loose).split if loose else anchors[0].whole


class _Anchor:
    """Pieces that follow one another and of which each ends in one way: where they begin tells where they end."""

    def __init__(self, pieces: Sequence[tuple[str | None, bytes]], last: bool) -> None:
        source = b"".join(b"(?:" + text + b")" if name is None else b"(" + text + b")" for name, text in pieces)
        self._pattern = re.compile(source + (rb"\Z" if last else b""), re.DOTALL)
        # Of a variable that occurs twice the first is meant.
        self._names = [name for name, _ in pieces if name is not None][::-1]

    def whole(self, line: bytes) -> dict[str, bytes] | None:
        """Return the values of a line that has nothing else."""
        found = self._pattern.fullmatch(line)
        return None if found is None else self.values(found)

    def values(self, found: re.Match[bytes]) -> dict[str, bytes]:
        """Return the values of a place."""
        return dict(zip(self._names, found.groups()[::-1], strict=True))

    def begin(self, line: bytes) -> list[re.Match[bytes]]:
        """Return the place at the beginning of a line, if it is there."""
        found = self._pattern.match(line)
        return [found] if found else []

    def behind(self, line: bytes, at: int) -> list[re.Match[bytes]]:
        """Return all places from `at` on, overlapping ones too."""
        places = list[re.Match[bytes]]()
        while found := self._pattern.search(line, at):
            places.append(found)
            at = found.start() + 1
            if at > len(line):
                break
        return places


class _Several:
    """Anchors with loose values between them."""

    def __init__(self, anchors: list[_Anchor], loose: list[tuple[str, bytes]]) -> None:
        self._anchors, self._loose = anchors, loose
        self._reaches = [_Reach(pattern) for _, pattern in loose]

    def split(self, line: bytes) -> dict[str, bytes] | None:
        if len(line) > _LONGEST:
            return None
        layers = [self._anchors[0].begin(line)]
        for anchor, reach in zip(self._anchors[1:], self._reaches, strict=True):
            before = layers[-1]
            if not before:
                return None
            found = anchor.behind(line, min(place.end() for place in before))
            layers.append(reach.reached(line, before, found))
        for index in range(len(layers) - 1, 0, -1):
            layers[index - 1] = self._reaches[index - 1].reaching(line, layers[index - 1], layers[index])
        return self._values(line, layers) if layers[0] else None

    def _values(self, line: bytes, layers: list[list[re.Match[bytes]]]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        for index, (anchor, places) in enumerate(zip(self._anchors, layers, strict=True)):
            if len(places) > 1:
                continue
            if index and len(layers[index - 1]) == 1:
                found.setdefault(self._loose[index - 1][0], line[layers[index - 1][0].end() : places[0].start()])
            for name, value in anchor.values(places[0]).items():
                found.setdefault(name, value)
        return found


class _Reach:
    """Which places a loose value can stand between."""

    def __init__(self, pattern: bytes) -> None:
        self._match = re.compile(pattern, re.DOTALL).match
        self._escaped = pattern == LOOSE["json"]

    def reached(
        self, line: bytes, before: list[re.Match[bytes]], found: list[re.Match[bytes]]
    ) -> list[re.Match[bytes]]:
        """Return the places that a value can reach which begins where one of those `before` ends."""
        begins = sorted({place.end() for place in before})
        limits = [self._limit(line, at) for at in begins]
        return [
            place
            for place in found
            if (at := bisect_right(begins, place.start()))
            and place.start() <= limits[at - 1]
            and not (self._escaped and _cut(line, begins[at - 1], place.start()))
        ]

    def reaching(
        self, line: bytes, found: list[re.Match[bytes]], behind: list[re.Match[bytes]]
    ) -> list[re.Match[bytes]]:
        """Return the places from which a value can reach one of those `behind`."""
        stops = [place.start() for place in behind]
        return [
            place
            for place in found
            if (at := bisect_left(stops, place.end())) < len(stops) and stops[at] <= self._limit(line, place.end())
        ]

    def _limit(self, line: bytes, at: int) -> int:
        found = self._match(line, at)
        return found.end() if found else at


def _cut(line: bytes, begin: int, end: int) -> bool:
    r"""Tell whether a value would end between a `\` and what it escapes."""
    value = line[begin:end]
    return (len(value) - len(value.rstrip(b"\\"))) % 2 == 1
