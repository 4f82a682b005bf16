"""How the daemon's log looks: a line for people, or one JSON object for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

from opskit.model.printable import printable


def formatter(name: str) -> logging.Formatter:
    """Return the formatter `text` or `json`."""
    return _Json() if name == "json" else _Text("%(asctime)s %(levelname)s %(name)s %(message)s")


class _Text(logging.Formatter):
    """What came from a log or a remote body stays on its line, and in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the name that logging calls
        record.message = printable(record.message, 4000)
        return super().formatMessage(record)


class _Json(logging.Formatter):
    """`at` in UTC, `level`, `logger`, `message`, and what the record knows by name, such as `check` and `status`."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "opskit", {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)
