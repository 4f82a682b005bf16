"""The Nagios threshold range: the one place that decides whether a number is outside what is wanted.

Grammar (monitoring-plugins developer guidelines, "Threshold and Ranges"; monitoring-plugin-guidelines,
`definitions/01.range_expressions.md`):

    range  = ["@"] ( end / [start] ":" [end] )      at least one of start and end
    start  = "~" / number                           "~" is minus infinity, left out it is 0
    end    = number                                 left out after ":" it is plus infinity
    number = ["-" / "+"] ( 1*DIGIT ["." *DIGIT] / "." 1*DIGIT )

Without `@` values outside start..end alert, with `@` values inside alert; the ends belong to the inside. Decided
where the texts are silent: no exponents, no blanks inside, and `%` only behind a metric measured in percent.
"""

from __future__ import annotations

import math
from typing import Self

import msgspec

from opskit.model.regex import regex

# [0-9], not \d: the latter also matches digits of other scripts, which float() would happily read.
_NUMBER = regex(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)")
_LONGEST = 80  # longer than any two numbers a person writes, short enough to quote in an error


class Range(msgspec.Struct, frozen=True):
    """A parsed range. `start` and `end` are inclusive and may be infinite; `inside` is True for `@` ranges."""

    start: float
    end: float
    inside: bool
    text: str

    @classmethod
    def parse(cls, text: str, unit: str = "") -> Self:
        """Parse `text`; `unit` is the metric's unit.

        Raises ValueError that quotes the text and says what is wrong with it.
        """
        stripped = text.strip()
        if len(stripped) > _LONGEST:
            raise ValueError(f"range {stripped[:_LONGEST]!r}... is too long")
        body = stripped.removeprefix("@")
        if unit == "%" and body.endswith("%"):
            body = body[:-1]
        start_text, colon, end_text = body.rpartition(":")
        if not start_text and not end_text:
            raise ValueError(f"range {text!r} is empty: give a start, an end, or both, such as '80', '10:' or '~:80'")
        start = _start(start_text, text) if start_text else 0.0
        end = _number(end_text, text) if end_text else math.inf
        if start > end:
            raise ValueError(f"range {text!r}: start {start:g} is above end {end:g}{_hint(colon, end_text)}")
        return cls(start, end, stripped.startswith("@"), stripped)

    def alerts(self, value: float) -> bool:
        """Return True where `value` calls for an alert.

        Raises ValueError for NaN and the infinities: no comparison with them is meaningful, so no caller can
        mistake them for "within limits".
        """
        if not math.isfinite(value):
            raise ValueError(f"{value} is not a measured number: the state is UNKNOWN")
        return (self.start <= value <= self.end) is self.inside

    def __str__(self) -> str:
        return self.text


def _start(text: str, whole: str) -> float:
    return -math.inf if text == "~" else _number(text, whole)


def _number(text: str, whole: str) -> float:
    if "~" in text:
        raise ValueError(f"range {whole!r}: '~' stands alone, before the colon, for minus infinity")
    if ":" in text:
        raise ValueError(f"range {whole!r} has more than one colon")
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"range {whole!r}: {text!r} is not a decimal number")
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"range {whole!r}: {text!r} is too large")
    return number


def _hint(colon: str, end: str) -> str:
    return "" if colon else f"; did you mean '~:{end}' or '{end}:0'?"
