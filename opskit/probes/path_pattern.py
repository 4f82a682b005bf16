"""The paths that a pattern with wildcards means. `**` enters each folder once, also where links lead in a circle.

`glob` follows links as often as the system lets it, forty deep: two links to a folder above them are a trillion paths.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path

from opskit.model.message import say
from opskit.probes.base import Deadline

_MOST_FOLDERS = 20_000


def paths_of(pattern: str, deadline: Deadline) -> Iterator[str]:
    """Yield the paths. As for a shell, wildcards pass over names that begin with a dot.

    Raises ProbeError where the time runs out.
    """
    parts = pattern.split("/")
    if "**" not in parts:
        yield from glob.iglob(pattern)  # noqa: PTH207  # pathlib cannot glob an absolute pattern
        return
    at = parts.index("**")
    rest = "/".join(part for part in parts[at + 1 :] if part) or "*"
    for base in glob.glob("/".join(parts[:at]) + "/" if at else "./"):  # noqa: PTH207
        for folder in _folders(Path(base), deadline):
            yield from paths_of(f"{glob.escape(str(folder))}/{rest}", deadline)


def _folders(base: Path, deadline: Deadline) -> Iterator[Path]:
    """The folder and those below it, each once; those that may not be entered are passed over."""
    known, waiting = set[tuple[int, int]](), [base]
    while waiting and len(known) < _MOST_FOLDERS:
        folder = waiting.pop()
        deadline.enter(say("look for {pattern}", pattern=str(folder)))
        try:
            told = folder.stat()
            if (told.st_dev, told.st_ino) in known:
                continue
            known.add((told.st_dev, told.st_ino))
            below = [each for each in folder.iterdir() if not each.name.startswith(".") and each.is_dir()]
        except OSError:
            continue
        yield folder
        waiting += sorted(below, reverse=True)
