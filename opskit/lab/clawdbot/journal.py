"""clawdbot.log: one JSON object per line, in the shape of tslog as Clawdbot uses it. Never what people write."""

from __future__ import annotations

import json
import socket
from datetime import UTC
from pathlib import Path
from typing import Literal

from opskit.lab.part import LogFile, local_now

Level = Literal["INFO", "WARN", "ERROR"]

_IDS: dict[Level, int] = {"INFO": 3, "WARN": 4, "ERROR": 5}


class Journal:
    """The open log."""

    def __init__(self, path: Path) -> None:
        """Open it; raises ConfigError."""
        self._file = LogFile(path)

    def reopen(self, path: Path) -> None:
        """Go on in a fresh file; raises ConfigError."""
        self._file.reopen(path)

    def write(self, level: Level, message: str, subsystem: str = "chat") -> None:
        """Append a line: tslog numbers what it is given to log, the subsystem first, then the message."""
        now = local_now()
        name = json.dumps({"subsystem": subsystem}, separators=(",", ":"))
        meta = {
            "runtime": "node",
            "hostname": socket.gethostname(),
            "name": name,
            "parentNames": ["clawdbot"],
            "date": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "logLevelId": _IDS[level],
            "logLevelName": level,
        }
        record = {"0": name, "1": message, "_meta": meta, "time": now.isoformat(timespec="milliseconds")}
        self._file.write(json.dumps(record, ensure_ascii=False))
