"""Values of the model as text for a database column, and back. Used by every table that keeps more than numbers.

Python's own JSON is used and not msgspec's: it keeps NaN, infinities and undecodable bytes (lone surrogates from a log
line), and what was observed must never be the reason that an observation is lost.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from opskit.model.typed import prepared

T = TypeVar("T")
_MOST_S = 9e12  # more than any clock says, and little enough for SQLite's 64 bits


def packed(value: Any) -> str:
    """Return a struct, or a sequence of them, as ASCII JSON."""
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))


def unpacked(text: str, kind: type[T]) -> T:
    """Return the value of type `kind`. Raises ValueError or msgspec.ValidationError where the text is not one."""
    return msgspec.convert(json.loads(text), prepared(kind))


def series_key(labels: Mapping[str, str], basis: str = "") -> str:
    """Return labels and basis as one text that is equal for equal ones."""
    # No label has an empty name, so the basis can stand under it.
    return json.dumps({**labels, **({"": basis} if basis else {})}, separators=(",", ":"), sort_keys=True)


def series_of(key: str) -> tuple[dict[str, str], str]:
    """Return labels and basis of a `series_key`."""
    labels = unpacked(key, dict[str, str])
    return labels, labels.pop("", "")


def milliseconds(seconds: float) -> int:
    """Return seconds as the whole milliseconds in which times stand in a database column."""
    return round(max(-_MOST_S, min(_MOST_S, seconds)) * 1000)


def fresh_seed() -> str:
    """Return a name that nothing else has: 32 hex digits."""
    return os.urandom(16).hex()  # as uuid4 does, whose module takes 3 ms to load


def bindable(text: str) -> str:
    r"""Return `text` as SQLite can take it: an undecodable byte is written as `\udcNN`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
