"""A series from a CSV file of `timestamp,value`, as spreadsheets and other monitoring systems export it."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable
from datetime import tzinfo
from itertools import chain, pairwise
from pathlib import Path

import msgspec

from opskit.judge.average import median
from opskit.logs import stamp
from opskit.logs.refusal import LogError, explained
from opskit.model.message import Message, say
from opskit.model.regex import regex

_NAMES_OF_TIME = ("timestamp", "time", "at", "date", "datetime", "ts")
_NAMES_OF_VALUE = ("value", "total_s", "seconds", "latency", "duration")
_MILLIS_FROM = 1e11
_DOTTED = regex(r"(\d\d?)\.(\d\d?)\.(\d{4})\b", re.ASCII)
_LATEST = 253402214400.0  # the last day of the year 9999
_NO_VALUES = frozenset({"", "-", "nan", "null", "none", "na", "n/a", "timeout", "failed", "error"})


class Series(msgspec.Struct, frozen=True):
    """Positive values by time in epoch seconds, rising. `failed` rows had no value, `repeated` the time of another.

    `problems` names rows that cannot be read, one sentence each.
    """

    points: tuple[tuple[float, float], ...]
    failed: int
    repeated: int
    problems: tuple[Message, ...]

    @property
    def interval(self) -> float | None:
        """The usual distance of two values in seconds, None where there are fewer than two."""
        distances = [later - earlier for (earlier, _), (later, _) in pairwise(self.points)]
        return median(distances) if distances else None


def series(path: Path, zone: tzinfo) -> Series:
    """Read a file; `zone` is for times that name none. Raises LogError where it cannot be read at all."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            lines = (line.replace("\0", "") for line in file)
            told = ((number, line) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#")
            first = next(told, (1, ""))
            return _series(path, chain([first], told), _separator(first[1]), zone)
    except (OSError, ValueError) as error:
        raise LogError(explained(path, error)) from error
    except csv.Error as error:
        raise LogError(say("{path}: no CSV file ({reason})", path=str(path), reason=str(error))) from error


def _separator(line: str) -> str:
    """Return what stands between the cells: where commas are decimal marks, spreadsheets put semicolons."""
    return next((mark for mark in (";", "\t") if mark in line), ",")


def _series(path: Path, lines: Iterable[tuple[int, str]], separator: str, zone: tzinfo) -> Series:
    found, failed, problems = dict[float, float](), 0, list[Message]()
    repeated = 0
    columns = (0, 1)
    for position, (number, line) in enumerate(lines):
        row = next(csv.reader([line], delimiter=separator), [])
        if not any(cell.strip() for cell in row):
            continue
        if position == 0 and (named := _columns(row)) is not None:
            columns = named
            continue
        at, value = _cells(row, columns, zone)
        if at is None or value is None:
            problems.append(_unreadable(path, number, row))
        elif not value > 0:
            failed += 1
        elif at in found:
            repeated += 1
        else:
            found[at] = value
    return Series(tuple(sorted(found.items())), failed, repeated, tuple(problems))


def _columns(row: list[str]) -> tuple[int, int] | None:
    """Return which columns a header names; None where the row is none."""
    names = [cell.strip().lower() for cell in row]
    times = [index for index, name in enumerate(names) if name in _NAMES_OF_TIME]
    values = [index for index, name in enumerate(names) if name in _NAMES_OF_VALUE]
    if times and values:
        return times[0], values[0]
    return (0, 1) if len(row) > 1 and not any(map(_looks_like_data, names[:2])) else None


def _looks_like_data(cell: str) -> bool:
    return cell[:1].isdigit() or cell in _NO_VALUES


def _cells(row: list[str], columns: tuple[int, int], zone: tzinfo) -> tuple[float | None, float | None]:
    """Return time and value of a row; a value of 0 stands for none that was measured."""
    if max(columns) >= len(row):
        return None, None
    moment, text = (row[column].strip() for column in columns)
    return _time(moment, zone), 0.0 if text.lower() in _NO_VALUES else _number(text)


def _time(text: str, zone: tzinfo) -> float | None:
    at = _number(text)
    if at is None:
        return stamp.iso(_as_iso(text), zone)
    # Seconds, or a thousandth, millionth or billionth of them, as the number of digits tells.
    for _ in range(3):
        at = at / 1000 if at >= _MILLIS_FROM else at
    return at if 0 < at < _LATEST else None


def _as_iso(text: str) -> str:
    """Return a time as spreadsheets write it in the form of ISO 8601, with seconds."""
    if dotted := _DOTTED.match(text):
        text = f"{dotted[3]}-{dotted[2]:0>2}-{dotted[1]:0>2}{text[dotted.end() :]}"
    elif text[4:5] == text[7:8] == "/":
        text = text[:10].replace("/", "-") + text[10:]
    if len(text) == 10:
        return f"{text} 00:00:00"
    return f"{text}:00" if len(text) == 16 and text[13] == ":" else text


def _number(text: str) -> float | None:
    try:
        found = float(text.replace(",", ".") if text.count(",") == 1 and "." not in text else text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _unreadable(path: Path, number: int, row: Iterable[str]) -> Message:
    text = ",".join(row)[:60]
    return say("{path}:{line}: expected a time and a number, not '{text}'", path=str(path), line=number, text=text)
