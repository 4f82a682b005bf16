"""One row of the tables behind `classify`: the label, the words that call for it, and the pattern that confirms it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Rule(NamedTuple):
    """One meaning: the label, words of which one must occur, and a pattern over the lower-cased text."""

    label: str
    words: Sequence[str]
    pattern: re.Pattern[str] | None = None


def rule(label: str, *words: str, pattern: str = "") -> Rule:
    """Return the row; without a pattern, a word is enough."""
    return Rule(label, words, re.compile(pattern) if pattern else None)
