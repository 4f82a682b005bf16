"""What a monitoring plugin printed, taken apart: the line that says it, the details, and the numbers.

Consumers split differently, so what counts here is what all of them can have meant. The `|` of the first line with
an item behind it begins perfdata (Icinga 2 wants an `=`, lib/methods PluginUtility::ParseCheckOutput); further lines
are details, up to one with a `|` of that kind, behind which Nagios takes every line for perfdata (base/checks.c,
parse_check_output). A line there that is no perfdata is kept as a detail: text with a `|` in it, such as a table, is
no reason to lose anything.
"""

from __future__ import annotations

import re

import msgspec

from opskit.judge.perfdata import Parsed, Performance, parse
from opskit.model.regex import regex

_ITEM = regex(r"\|\s*(?:'(?:[^']|'')*'|[^\s|=']+)=")
_MANY = 100  # bars that are looked at


class PluginOutput(msgspec.Struct, frozen=True):
    """`said` is the first line that says anything, `details` those behind it; `rejected` numbers made no sense."""

    said: str = ""
    details: tuple[str, ...] = ()
    numbers: tuple[Performance, ...] = ()
    rejected: int = 0


def split_output(text: str) -> PluginOutput:
    """Take the whole of a plugin's standard output apart. Of a label that comes twice the first counts."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    said = list[str]()
    found = list[Parsed]()
    numbers_only = False
    for position, line in enumerate(lines):
        words, numbers = _parted(line)
        if numbers_only and numbers is None:
            whole = parse(line)
            words, numbers = ("", whole) if whole.items and not whole.rejected else (line, None)
        numbers_only = numbers_only or (position > 0 and numbers is not None)
        if numbers is not None:
            found.append(numbers)
        said += [words.rstrip()] if words.strip() or numbers is None else []
    first = next((line for line in said if line.strip()), "")
    details = said[said.index(first) + 1 :] if first else []
    numbers_by_label: dict[str, Performance] = {}
    for item in (item for parsed in found for item in parsed.items):
        numbers_by_label.setdefault(item.label, item)
    return PluginOutput(
        first.strip(), tuple(details), tuple(numbers_by_label.values()), sum(parsed.rejected for parsed in found)
    )


def _parted(line: str) -> tuple[str, Parsed | None]:
    """Return the text of a line and its perfdata; None where what stands behind a `|` is no perfdata, not even broken.

    Broken perfdata is words that all have a `=` in them. Anything else without one good number is a sentence.
    """
    bars = [match.start() for match in re.finditer(r"\|", line)][:_MANY]
    if not bars or "=" not in line[bars[0] :]:
        return line, None
    # A bar may stand in the text as well: the one that counts has an item right behind it.
    bar = next((bar for bar in bars if _ITEM.match(line, bar)), bars[0])
    words, rest = line[:bar], line[bar + 1 :]
    numbers = parse(rest)
    if not numbers.items and not all("=" in word for word in rest.split()):
        return line, None
    return words, numbers
