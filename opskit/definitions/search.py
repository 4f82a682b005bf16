"""Where definitions are found: shipped with opskit, then the site's folders, then --definitions; later ones replace.

The same id replaces the whole file, as systemd does with units, and `enabled: false` masks it: no merging, so what is
in force can always be read in one file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem

Kind = Literal["checks", "playbooks"]
PACKAGE = Path(__file__).parents[1]
SITE = Path("/etc/opskit")


class Found(msgspec.Struct, frozen=True):
    """A definition file: its id is the name without the ending."""

    id: str
    kind: Kind
    path: Path


def shipped(kind: Kind) -> Path:
    """Return the shipped folder: inside the package when installed, beside it in a checkout or an editable install."""
    installed = PACKAGE / "_shipped" / kind
    return installed if installed.is_dir() else PACKAGE.parent / kind


def folders(kind: Kind, extra: Path | None) -> Iterator[Path]:
    """Yield the folders that may hold definitions of a kind, the most specific last."""
    yield shipped(kind)
    yield SITE / f"{kind}.d"
    if extra is not None:
        yield extra / kind
        yield extra / f"{kind}.d"


def find(kind: Kind, extra: Path | None = None) -> dict[str, Found]:
    """Return the effective file of each id.

    Raises DefinitionError where `extra` is not a readable folder.
    """
    found = {}
    for folder in folders(kind, extra):
        for path in _yaml_files(folder):
            found[path.stem] = Found(path.stem, kind, path)
    for path in _loose(extra, kind):
        found[path.stem] = Found(path.stem, kind, path)
    return found


def read(path: Path) -> bytes:
    """Return a definition file's bytes.

    Raises DefinitionError with the file and the reason.
    """
    try:
        if not path.is_file():
            raise DefinitionError([Problem(str(path), 0, say("not a regular file"))])
        return path.read_bytes()
    except OSError as error:
        raise DefinitionError(
            [Problem(str(path), 0, say("cannot be read: {why}", why=error.strerror or "?"))]
        ) from None


def _yaml_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DefinitionError(
            [Problem(str(folder), 0, say("cannot be read: {why}", why=error.strerror or "?"))]
        ) from None


def _loose(extra: Path | None, kind: Kind) -> list[Path]:
    """Files directly in --definitions DIR: a file with steps is a playbook, every other one a check."""
    if extra is None:
        return []
    if not extra.is_dir():
        raise DefinitionError([Problem(str(extra), 0, say("there is no such folder"))])
    paths = _yaml_files(extra)
    return [path for path in paths if (kind == "playbooks") == _has_steps(path)]


def _has_steps(path: Path) -> bool:
    return any(line.startswith((b"steps:", b"causes:")) for line in read(path).splitlines())
