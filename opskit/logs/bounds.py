"""Which of the lines that were read belong to a question: ends of requests within the window."""

from __future__ import annotations

import math

from opskit.logs.request import Request
from opskit.logs.shape import Columns, Row, Value


class Bounds:
    """A window: `since` inclusive and `until` exclusive, in epoch seconds; without either all times are within."""

    def __init__(self, since: float | None, until: float | None) -> None:
        self._since = -math.inf if since is None else since
        self._until = math.inf if until is None else until
        self.fields = ("event",) if since is None and until is None else ("event", "at")

    def kept(self, columns: Columns, rows: list[Row]) -> list[Row]:
        """Return the rows that are ends of requests within the window."""
        rows = columns.kept(rows, "event", _ends)
        return columns.kept(rows, "at", self._within) if "at" in self.fields else rows

    def holds(self, request: Request) -> bool:
        """Tell whether it is the end of a request within the window."""
        return request.event == "end" and self._since <= request.at < self._until

    def _within(self, at: Value) -> bool:
        return isinstance(at, float | int) and self._since <= at < self._until


def _ends(event: Value) -> bool:
    return event != "start"
