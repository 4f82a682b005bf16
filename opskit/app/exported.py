"""An export of the history: a line that says what it is, then one JSON object for each row."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import msgspec

from opskit.history.codec import packed, unpacked
from opskit.history.row import Named, Row, RunRow
from opskit.history.store import HistoryError, Store
from opskit.model.message import say

SCHEMA = "opskit.history-export/v1"
_AT_ONCE = 5000  # rows in one transaction: nobody who wants to write waits long
_LONGEST_LINE = 16 << 20


class Export:
    """A file of which every line was read once; `count` rows are in it."""

    def __init__(self, path: Path, count: int) -> None:
        self.path = path
        self.count = count

    def into(self, store: Store) -> tuple[int, list[str]]:
        """Take the rows in; return how many were new, and the checks of which nothing is known: theirs were left out.

        Raises HistoryError.
        """
        rows, new, named = _rows(self.path), 0, set[str]()
        while batch := list(islice(rows, _AT_ONCE)):
            new += store.take_in(batch)
            named.update(row.check for row in batch if isinstance(row, RunRow | Named))
        return new, sorted(named - store.states().keys())


def written(store: Store, since: float, until: float, now: datetime) -> Iterator[str]:
    """Yield the lines, each with its end. Raises HistoryError."""
    yield json.dumps({"schema": SCHEMA, "host": platform.node(), "at": now.isoformat()}) + "\n"
    for row in store.rows(since, until):
        yield packed(row) + "\n"


def read_export(path: Path) -> Export:
    """Read the file once. Raises HistoryError with the first line that is wrong, and OSError."""
    return Export(path, sum(1 for _ in _rows(path)))


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        head = file.readline(_LONGEST_LINE)
        if _schema(head) != SCHEMA:
            text = say("{path} is no export of opskit's history: expected {schema}", path=str(path), schema=SCHEMA)
            raise HistoryError(text)
        number = 1
        while line := file.readline(_LONGEST_LINE):
            number += 1
            try:
                yield unpacked(line.decode("ascii"), Row)  # type: ignore[arg-type]  # a union is no class
            except (ValueError, msgspec.ValidationError, RecursionError) as error:
                why = str(error).partition("\n")[0]
                text = say("{path}:{line}: this row cannot be read: {why}", path=str(path), line=number, why=why)
                raise HistoryError(text) from None


def _schema(head: bytes) -> object:
    try:
        found = json.loads(head)
    except (ValueError, RecursionError):
        return None
    return found.get("schema") if isinstance(found, dict) else None
