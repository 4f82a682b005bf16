"""Where definitions are found: shipped with opskit, then the site's folders, then --definitions; later ones replace.

The same id replaces the whole file, as systemd does with units, and `enabled: false` masks it: no merging, so what is
in force can always be read in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from opskit.model.message import say
from opskit.model.problem import DefinitionError, Problem
from opskit.model.regex import regex

Kind = Literal["checks", "playbooks"]
PACKAGE = Path(__file__).parents[1]
SITE = Path("/etc/opskit")
SETTINGS = "opskit.yaml"
FACTS = "facts.yaml"  # beside playbooks, and none itself
LARGEST = 1 << 20
_PLAYBOOK = regex(rb"^[\"']?(?:steps|causes)[\"']?:", re.MULTILINE)
_CHECK = regex(rb"^[\"']?(?:rules|probe)[\"']?:", re.MULTILINE)


class Found(msgspec.Struct, frozen=True):
    """A definition file: its id is the name without the ending."""

    id: str
    kind: Kind
    path: Path


class Survey(msgspec.Struct, frozen=True):
    """The effective file of each id, and what is wrong with the folders themselves."""

    found: dict[str, Found]
    problems: tuple[Problem, ...]


def lab_marker(environment: Mapping[str, str]) -> Path:
    """Return the file that says where this user's lab is; it exists while one is up, or has died."""
    state = environment.get("XDG_STATE_HOME") or environment.get("HOME", "/") + "/.local/state"
    return Path(state) / "opskit" / "lab" / "current"


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


def survey(kind: Kind, extra: Path | None = None) -> Survey:
    """Look through all folders; one that cannot be read does not hide the others."""
    found: dict[str, Found] = {}
    problems: list[Problem] = []
    for folder in folders(kind, extra):
        paths = [path for path in _definitions(folder, problems) if kind != "playbooks" or path.name != FACTS]
        found |= {path.stem: Found(path.stem, kind, path) for path in paths}
    if extra is not None and not extra.is_dir():
        problems.append(Problem(str(extra), 0, say("there is no such folder")))
    elif extra is not None:
        loose = [path for path in _definitions(extra, problems) if kind in _kinds(path)]
        found |= {path.stem: Found(path.stem, kind, path) for path in loose}
    return Survey(found, tuple(problems))


def find(kind: Kind, extra: Path | None = None) -> dict[str, Found]:
    """Return the effective file of each id.

    Raises DefinitionError where something is wrong with a folder.
    """
    surveyed = survey(kind, extra)
    if surveyed.problems:
        raise DefinitionError(surveyed.problems)
    return surveyed.found


def read(path: Path) -> bytes:
    """Return a definition file's bytes, and of one that is far too large only so many that the reader refuses it.

    Raises DefinitionError with the file and the reason.
    """
    try:
        # Opening a FIFO waits for a writer, so what is no file is not opened.
        if path.exists() and not path.is_file():
            raise DefinitionError([Problem(str(path), 0, say("not a regular file"))])
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise DefinitionError([unreadable(path, error)]) from None


def _definitions(folder: Path, problems: list[Problem]) -> list[Path]:
    """The definition files of a folder. What is hidden belongs to an editor, and the configuration is none."""
    try:
        names = sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml"})
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        problems.append(unreadable(folder, error))
        return []
    paths: dict[str, Path] = {}
    for path in names:
        if path.name.startswith(".") or path.name == SETTINGS:
            continue
        if path.stem in paths:
            text = say("has the same id as {other} beside it, so only that one is read", other=paths[path.stem].name)
            problems.append(Problem(str(path), 0, text))
            continue
        paths[path.stem] = path
    return list(paths.values())


def unreadable(path: Path, error: OSError) -> Problem:
    """Return what the system says of a file or folder."""
    return Problem(str(path), 0, say("cannot be read: {why}", why=error.strerror or "?"))


def _kinds(path: Path) -> tuple[Kind, ...]:
    """What a file directly in --definitions DIR is, told by its keys.

    One that is neither only masks, whatever has its id; one that cannot be read is complained of once, as a check.
    """
    try:
        data = read(path)
    except DefinitionError:
        return ("checks",)
    if _PLAYBOOK.search(data):
        return ("playbooks",)
    masks = re.search(rb"^enabled:", data, re.MULTILINE) and not _CHECK.search(data)
    return ("checks", "playbooks") if masks else ("checks",)
