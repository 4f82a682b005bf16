"""The processes of this host at one moment. /proc is read once: psutil reads all of it anew for each family."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

PROC = Path("/proc")


class Entry(msgspec.Struct, frozen=True):
    """A process: its name as the kernel keeps it, of 15 characters at most, and the pid of who started it."""

    name: str
    parent: int


Table = dict[int, Entry]


def processes(proc: Path = PROC) -> Table:
    """Return the processes that this user may see, by pid; see proc_pid_stat(5). One that has ended is left out."""
    found: Table = {}
    try:
        names = os.listdir(proc)  # noqa: PTH208  # pathlib takes three times as long
    except OSError:  # a system that has none
        return found
    for pid in filter(str.isdigit, names):
        try:
            with open(f"{proc}/{pid}/stat", "rb") as file:  # noqa: PTH123
                told = file.read()
        except OSError:
            continue
        # The name stands in brackets, and may have some in it.
        name, _, rest = told.partition(b"(")[2].rpartition(b") ")
        fields = rest.split(maxsplit=2)
        if len(fields) > 1:
            found[int(pid)] = Entry(name.decode("utf-8", "replace"), int(fields[1]))
    return found


def family(table: Table, pid: int) -> list[int]:
    """Return a process and all that it and they have started."""
    children: dict[int, list[int]] = {}
    for child, entry in table.items():
        children.setdefault(entry.parent, []).append(child)
    found = [pid]
    for member in found:  # it grows on the way, and ends: nobody's children are taken twice
        found += children.pop(member, ())
    return found
