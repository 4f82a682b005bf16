"""The rotated set of a log: which files belong to it, each once, and all as they were at one moment."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from opskit.logs.files import FLAGS, LogError, identity
from opskit.logs.refusal import explained
from opskit.logs.unpack import SUFFIXES
from opskit.model.message import Message

_TRIES, _PAUSE_S = 40, 0.025
_MISSED = 10
_NUMBERED = re.compile(r"\.([0-9]{1,6})(?:\.(?:gz|bz2|xz|zst))?")
_DATED = re.compile(r"[-.]([0-9]{4}-?[0-9]{2}-?[0-9]{2}(?:[-_T.]?[0-9]{2,6})?)(?:\.(?:gz|bz2|xz|zst))?")


def members(path: Path | str) -> list[Path]:
    """Return the rotated set of a log, oldest first and the log itself last; [path] where nothing of it exists.

    Knows `NAME.N`, `NAME-DATE` and `NAME.DATE`, each also compressed; of a rotation that is just being compressed
    (`.1` and `.1.gz`) only the plain file, which is the complete one.
    """
    path = Path(path)
    try:
        names = sorted(entry.name for entry in path.parent.iterdir())
    except FileNotFoundError:
        return [path]
    except (OSError, ValueError) as error:
        raise LogError(explained(path.parent, error)) from error
    kept: dict[tuple[int, int, str], Path] = {}
    for name in names:
        age = _age(name, path.name)
        if age is not None:
            kept.setdefault(age, path.parent / name)  # sorted: the plain name comes before its compressed twin
    return [kept[age] for age in sorted(kept)] or [path]


def sets(paths: Iterable[Path | str]) -> Iterator[tuple[Path, Message | None]]:
    """Yield the files that some paths stand for, with their rotated members, oldest first, and every file once.

    A folder that cannot be listed may hide members: it is yielded with its error, lest a part pass for the whole. Of a
    file and its compressed copy, as they stand side by side while logrotate works, only the file is yielded.
    """
    named = list(map(Path, paths))
    plain = {path for path in named if path.suffix not in SUFFIXES}
    seen = set[tuple[int, int]]()
    for log in named:
        try:
            found = members(log)
        except LogError as hidden:
            found = [log]
            if identity(log) is not None:  # otherwise its reading says what is wrong
                yield log.parent, hidden.message
        for path in [*(path for path in found if path != log), log]:
            same = identity(path)
            if same in seen or (path.suffix in SUFFIXES and path.with_suffix("") in plain and same is not None):
                continue
            yield path, None
            if same is not None:
                seen.add(same)


class Held(msgspec.Struct, frozen=True):
    """A file that is open as long as it is needed: `at` is where to open it again, whatever became of its name.

    `at` is None where it could not be opened, which its reading explains; `hidden` is the error of a folder.
    """

    path: Path
    at: Path | None = None
    hidden: Message | None = None


@contextmanager
def held(choose: Callable[[], Iterable[tuple[Path, Message | None]]]) -> Iterator[list[Held]]:
    """Open files of rotated sets so that names and contents belong to one moment: rotation may be going on.

    `choose` names the files, or folders with their errors, as `sets` does.
    """
    for attempt in range(1, _TRIES + 1):
        with ExitStack() as stack:
            chosen = list(choose())
            found = [Held(path, None if hidden else _at(path, stack), hidden) for path, hidden in chosen]
            # Between the renaming of a log and its making anew there is none of that name, but only for a moment.
            gone = any(map(_missing, found)) and any(file.at for file in found) and attempt < _MISSED
            if attempt == _TRIES or (not gone and all(map(_in_place, found)) and list(choose()) == chosen):
                yield found
                return
        time.sleep(_PAUSE_S)


def _at(path: Path, stack: ExitStack) -> Path | None:
    try:
        descriptor = os.open(path, FLAGS)
    except (OSError, ValueError):
        return None
    stack.callback(os.close, descriptor)
    return Path(f"/proc/self/fd/{descriptor}")


def _missing(file: Held) -> bool:
    return file.at is None and file.hidden is None and identity(file.path) is None


def _in_place(file: Held) -> bool:
    return file.at is None or identity(file.path) == identity(file.at)


def _age(name: str, current: str) -> tuple[int, int, str] | None:
    """Return a key that sorts the members of one log by age, None for other files."""
    if not name.startswith(current):
        return None
    suffix = name[len(current) :]
    if not suffix:
        return 2, 0, ""
    if dated := _DATED.fullmatch(suffix):
        return 0, 0, re.sub("[^0-9]", "", dated[1])
    if numbered := _NUMBERED.fullmatch(suffix):
        return 1, -int(numbered[1]), ""
    return None
