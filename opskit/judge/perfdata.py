"""Nagios perfdata: the machine-readable half of a plugin's line, written in the subset that every consumer reads.

Written narrowly: bare labels, plain decimals, no item without a value, thresholds in the direction of the alert. Read
tolerantly: a bad item is left out and counted, its neighbours are kept (nagios.md collects what Icinga 2, Sensu and
RRD based tools do with anything else).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from opskit.judge.range import Range
from opskit.model.regex import regex

_DIGITS = 15  # what a double holds exactly
_LABEL_LENGTH = 63
_NAMELESS = {"/": "root"}  # what check_disk calls the first of all file systems


class Performance(msgspec.Struct, frozen=True):
    """One item. `value` is None for `U`; `warn` and `crit` are range texts; `low` and `high` the metric's limits."""

    label: str
    value: float | None
    unit: str = ""
    warn: str | None = None
    crit: str | None = None
    low: float | None = None
    high: float | None = None


def emit(items: Iterable[Performance]) -> str:
    """Return the items as one blank-separated text; items without a finite value are left out, labels made unique."""
    return " ".join(f"{label}={_item(item)}" for label, item in labelled(items).items())


def labelled(items: Iterable[Performance]) -> dict[str, Performance]:
    """Return the items that have a finite value by labels that every consumer reads, the first of each label."""
    found: dict[str, Performance] = {}
    for item in items:
        if item.value is not None and math.isfinite(item.value):
            found.setdefault(_label(item.label), item)
    return found


def decimal(value: float) -> str:
    """Return `value` without exponent, with at most 15 significant digits: `1e-07` becomes `0.0000001`."""
    text = f"{Decimal(f'{value:.{_DIGITS}g}'):f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _item(item: Performance) -> str:
    fields = [decimal(item.value or 0.0) + item.unit, _threshold(item.warn), _threshold(item.crit)]
    fields += ["" if limit is None else decimal(limit) for limit in (item.low, item.high)]
    return ";".join(fields).rstrip(";")


def _label(label: str) -> str:
    """Return a label of letters, digits, `_`, `.` and `-` that starts with a letter; `::` is Icinga's multi prefix."""
    clean = re.sub(r"[^A-Za-z0-9_.-]+", "_", label).strip("_") or _NAMELESS.get(label.strip(), "value")
    clean = clean if clean[0].isalpha() else f"m_{clean}"
    if len(clean) <= _LABEL_LENGTH:
        return clean
    # Long names (paths, GPU ids) often differ in their last letters only: what is cut off still tells them apart.
    from hashlib import sha256  # it loads a library for what few labels need

    digest = sha256(label.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{clean[: _LABEL_LENGTH - 9]}_{digest}"


def _threshold(text: str | None) -> str:
    """`~:80` is written `80`: graphing consumers ignore thresholds that are not plain numbers (icinga2 #9038)."""
    if text is None:
        return ""
    limits = Range.parse(text, "%")
    if not limits.inside and limits.start == -math.inf and limits.end != math.inf:
        return decimal(limits.end)
    return limits.text.removesuffix("%")


_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
_LABEL_AND_REST = regex(r"\s*(?:'((?:[^']|'')*)'|([^\s'=][^\s=]*))=([^\s]*)")
_RANGE_LIKE = regex(r"[-+@~:.%0-9eE]+")
_VALUE = regex(rf"(U|{_NUMBER})([A-Za-z%/µ]*)")


class Parsed(msgspec.Struct, frozen=True):
    """What a foreign plugin's perfdata held: the items that made sense, and how many did not."""

    items: tuple[Performance, ...]
    rejected: int


def parse(text: str) -> Parsed:
    """Read perfdata as plugins in the wild write it."""
    items: list[Performance] = []
    rejected = position = 0
    text = text.strip()
    while position < len(text):
        match = _LABEL_AND_REST.match(text, position)
        if match is None:
            # Not a label with a value: give up on this word alone and go on behind it.
            rejected += 1
            position = _behind_word(text, position)
            continue
        position = match.end()
        label = (match.group(1) or "").replace("''", "'") if match.group(2) is None else match.group(2)
        item = _read(label, match.group(3))
        if item is None:
            rejected += 1
        else:
            items.append(item)
    return Parsed(tuple(items), rejected)


def _behind_word(text: str, position: int) -> int:
    blank = re.compile(r"\S+").search(text, position)
    return blank.end() if blank else len(text)


def _read(label: str, fields: str) -> Performance | None:
    # A comma anywhere is a decimal comma or a foreign list: Icinga drops such an item whole, and so do we.
    if not label.strip() or "," in fields:
        return None
    value, *rest = fields.split(";")
    match = _VALUE.fullmatch(value)
    if match is None or any(rest[4:]):
        return None
    number = None if match.group(1) == "U" else float(match.group(1))
    if number is not None and not math.isfinite(number):
        return None
    warn, crit, low, high = (rest + [""] * 4)[:4]
    try:
        return Performance(
            label,
            number,
            match.group(2),
            _range(warn, match.group(2)),
            _range(crit, match.group(2)),
            _limit(low),
            _limit(high),
        )
    except ValueError:
        return None


def _range(text: str, unit: str) -> str | None:
    """Return a threshold; None for one that is made of numbers and yet no range, such as the `-5` of many plugins.

    The value beside it is good all the same. What is not even made of numbers spoils the item: ValueError.
    """
    if not text:
        return None
    try:
        return Range.parse(text, unit).text
    except ValueError:
        if _RANGE_LIKE.fullmatch(text):
            return None
        raise


def _limit(text: str) -> float | None:
    return float(text) if text and re.fullmatch(_NUMBER, text) else None
