"""The four states of a check and their order. Every room that judges or shows uses this one order."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Status(enum.Enum):
    """A Nagios state. The value is the word that JSON and the database carry."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def exit_code(self) -> int:
        """The plugin exit code: 0, 1, 2 or 3 (monitoring-plugins guideline, "Plugin Return Codes")."""
        return {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}[self.value]

    @property
    def severity(self) -> int:
        """Rank for aggregation: OK < UNKNOWN < WARNING < CRITICAL, so that not knowing never hides a fault."""
        return {"ok": 0, "unknown": 1, "warning": 2, "critical": 3}[self.value]


def worst(statuses: Iterable[Status]) -> Status:
    """Return the most severe state; of no states UNKNOWN, because nothing checked is not OK."""
    return max(statuses, key=lambda status: status.severity, default=Status.UNKNOWN)
