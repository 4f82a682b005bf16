"""What gpu_reader looks up on its own host: who a process is, which library was loaded, what the kernel's driver says.

Reading about a process that is stuck in the driver may block as well (its command line is behind the lock of its
memory), so it is done in the process that may be given up.
"""

from __future__ import annotations

import contextlib
from typing import Any

from opskit.probes.gpu_reader_call import text


def person(pid: int) -> dict[str, Any]:
    """Name a process and its parent; never its arguments, which may hold secrets. It may be gone, or hidden."""
    import psutil  # a card without processes asks for nobody

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
    # Not by pathlib, which takes long to load.
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:  # noqa: PTH123
        for line in maps:
            _, found, rest = line.rstrip("\n").partition("/")
            if found and "libnvidia-ml.so" in rest:
                return text(f"/{rest}", 512)
    return None


def first_line(path: str | None) -> str | None:
    """The beginning of a file."""
    with contextlib.suppress(OSError, ValueError):
        if path is not None:
            with open(path, "rb") as file:  # noqa: PTH123  # the same
                return text(file.readline(1024)) or None
    return None
