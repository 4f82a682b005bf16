"""What gpu_reader looks up on its own host: who a process is, which library was loaded, what the kernel's driver says.

Reading about a process that is stuck in the driver may block as well (its command line is behind the lock of its
memory), so it is done in the process that may be given up.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import psutil

from opskit.probes.gpu_reader_call import text


def person(pid: int) -> dict[str, Any]:
    """Name a process and its parent; never its arguments, which may hold secrets. It may be gone, or hidden."""
    known: dict[str, Any] = {}
    with contextlib.suppress(psutil.Error, OSError, ValueError, OverflowError):
        process = psutil.Process(pid)
        known |= {"name": text(process.name()), "started_at": process.create_time()}
        known["user"] = text(process.username())
        parent = process.parent()
        known["parent"] = text(parent.name()) if parent is not None else None
        program = text(process.exe())
        # Only to know Ollama's own by: other paths name people's homes.
        known["program"] = program if "ollama" in program.lower() else None
    return known


def mapped_library() -> str | None:
    """The file that was really loaded, links resolved: its name ends with the version of the library."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/maps").read_text("utf-8", "replace").splitlines():
            _, found, rest = line.partition("/")
            if found and "libnvidia-ml.so" in rest:
                return text(f"/{rest}", 512)
    return None


def first_line(path: Path | None) -> str | None:
    with contextlib.suppress(OSError, ValueError):
        if path is not None:
            with path.open("rb") as file:
                return text(file.readline(1024)) or None
    return None
