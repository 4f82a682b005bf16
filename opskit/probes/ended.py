"""When did a service end, and who says so? systemd where it runs the service, and the end of the service's own log."""

from __future__ import annotations

import os
import time
from pathlib import Path

from opskit.model.message import say
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.child import run
from opskit.probes.down import Ended
from opskit.probes.log_end import kept

UNITS = ("clawdbot.service", "clawdbot-gateway.service", "openclaw.service", "openclaw-gateway.service")
_ASKED = (
    "Id", "LoadState", "ActiveState", "SubState", "Result", "NRestarts", "ExecMainStatus",
    "ExecMainExitTimestampMonotonic",
)  # fmt: skip
_CAP = 1 << 16
_TAIL = 8192
_LONGEST = 400


def ended(log: str | None, deadline: Deadline) -> list[Ended]:
    """Return what is told of the service's end; a source that does not exist is left out."""
    found = _units(deadline)
    return [*found, *_log(log)] if log is not None else found


def _units(deadline: Deadline) -> list[Ended]:
    """Ask systemd. Its time is that of the monotonic clock, as is ours: no zone, no clock that was set meanwhile."""
    argv = ("systemctl", "show", "--no-pager", f"--property={','.join(_ASKED)}", *UNITS)
    try:
        told = run(argv, deadline, say("run {command}", command="systemctl show"), _CAP)
    except (OSError, ProbeError):
        return []
    now = time.monotonic()
    blocks = told.stdout.decode("utf-8", "replace").split("\n\n") if told.finished else []
    units = [dict(line.partition("=")[::2] for line in block.splitlines() if "=" in line) for block in blocks]
    return [_unit(unit, now) for unit in units if unit.get("LoadState") == "loaded" and unit.get("Id")]


def _unit(unit: dict[str, str], now: float) -> Ended:
    since = _number(unit.get("ExecMainExitTimestampMonotonic", "")) / 1e6
    return Ended(
        "systemd",
        unit["Id"][:_LONGEST],
        state=f"{unit.get('ActiveState', '?')}/{unit.get('SubState', '?')}"[:_LONGEST],
        result=unit.get("Result", "")[:_LONGEST],
        code=_number(unit.get("ExecMainStatus", "")),
        restarts=_number(unit.get("NRestarts", "")),
        ago_s=round(now - since, 1) if 0 < since <= now else None,
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _log(path: str) -> list[Ended]:
    if not path.startswith("/"):
        return []
    try:
        # A FIFO would keep the reader waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not Path(path).is_file():
                return [Ended("log", path, failed="not a file")]
            about = os.fstat(descriptor)
            file.seek(max(0, about.st_size - _TAIL))
            tail = file.read(_TAIL)
    except OSError as error:
        return [Ended("log", path, failed=error.strerror or "?")]
    lines = [line for line in tail.decode("utf-8", "replace").splitlines() if line.strip()]
    line = kept(lines[-1]) if lines else ""
    return [Ended("log", path, line=line, written=about.st_mtime)]
