"""What gpu_reader looks up on its own host: who a process is, which library was loaded, what the kernel's driver says.

Reading about a process that is stuck in the driver may block as well (its command line is behind the lock of its
memory), so it is done in the process that may be given up.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import sys
from typing import Any

from opskit.probes.gpu_reader_call import announce, text

_NAME = "libnvidia-ml.so.1"


def question() -> dict[str, Any] | None:
    """Wait for the question, and return it; None where nobody has one. What it may take is loaded meanwhile."""
    if not select.select([sys.stdin], [], [], 0)[0]:
        import psutil  # noqa: F401  # as `person` does

    line = sys.stdin.buffer.readline()
    asked: dict[str, Any] | None = json.loads(line) if line else None
    return asked


def alone(place: str) -> None:
    """Wait until no other reader asks. The lock is never given back: it ends with this process."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return  # where there is nothing to lock, it is asked all the same
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        announce({"stage": "lock"})
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:
        return  # a file system without locks


def prefer(folder: str) -> bool:
    """Load the library from a folder: whoever wants it by its name, as the binding does, is given this one.

    That is what the loader does with a name that is loaded already (DT_SONAME, dlopen(3)). Where there is none in the
    folder, the binding looks where the system does; False where one is there that cannot be loaded: another one would
    answer in its place.
    """
    path = f"{folder}/{_NAME}"
    try:
        ctypes.CDLL(path)
    except OSError:
        return not os.path.lexists(path)
    return True


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
