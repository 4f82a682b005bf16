"""The statuses that a question is about."""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

DIGITS_OF_A_STATUS = 3


class Wanted:
    """The statuses that a question is about, given as `429` or `5xx`: the numbers, and how they begin."""

    def __init__(self, asked: Collection[str]) -> None:
        stems = {text.rstrip("x").encode() for text in asked}
        self.stems = sorted(stem for stem in stems if not any(stem[:length] in stems for length in range(1, len(stem))))
        self.statuses = frozenset(chain.from_iterable(map(_numbers, self.stems)))

    @property
    def sharp(self) -> bool:
        """Tell whether the bare numbers are rare enough in any text to look for them alone."""
        return all(len(stem) == DIGITS_OF_A_STATUS for stem in self.stems)


def _numbers(stem: bytes) -> range:
    spread = 10 ** (DIGITS_OF_A_STATUS - len(stem))
    return range(int(stem) * spread, (int(stem) + 1) * spread)
