"""The folder of a lab: made, and emptied at each start, but never one that holds anything else."""

from __future__ import annotations

import shutil
from pathlib import Path

from opskit.lab.record import LabError, load
from opskit.model.message import say

_CLAIM = ".opskit-lab"


def claim(folder: Path) -> None:
    """Make the folder of a lab, emptied of what an earlier one left: its logs would be taken for those of today.

    Raises LabError for a folder that holds anything else, since that must not be lost.
    """
    earlier = load(folder)
    if earlier is not None and earlier.alive():
        raise LabError(say("a lab is up in {folder}: opskit lab down ends it", folder=str(folder)))
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        inside = list(folder.iterdir())
    except OSError as error:
        raise LabError(say("{folder}: {why}", folder=str(folder), why=error.strerror or "?")) from error
    if inside and not (folder / _CLAIM).exists():
        text = say("{folder} is not empty and no folder of a lab: choose another one with --dir", folder=str(folder))
        raise LabError(text)
    for path in inside:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()
    (folder / _CLAIM).write_text("This folder belongs to opskit lab, which empties it at each start.\n", "utf-8")
