"""The rotated set of a log: which files belong to it, each once, and all as they were at one moment."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from opskit.logs.files import FLAGS, LogError, identity, make_room
from opskit.logs.refusal import explained
from opskit.logs.unpack import SUFFIXES
from opskit.model.message import Message
from opskit.model.regex import regex

Age = tuple[int, int, str]
_TRIES, _PAUSE_S = 40, 0.025
_MISSED = 10
_PACKED = regex(r"\.(?:gz|bz2|xz|zst|Z|lz4|lzo|lzma|zip|7z|br)$")
_NUMBERED = regex(r"\.([0-9]{1,6})")
_MARK = regex(r"[-._]")
# logrotate's dateformat, also with %s; Python's TimedRotatingFileHandler; what lumberjack puts before `.log`.
_DATED = regex(
    r"[-._]((?:[0-9]{4}-?[0-9]{2}(?:-?[0-9]{2})?|[0-9]{2}-[0-9]{2}-[0-9]{4})"
    r"(?:[-_T.]?[0-9]{2}(?:[-_:.]?[0-9]{2}){0,2}(?:\.[0-9]{1,9})?|[-_.][0-9]{10})?|[0-9]{10})"
)


def members(path: Path | str) -> list[Path]:
    """Return the rotated set of a log, oldest first and the log itself last; [path] where nothing of it exists.

    Knows `NAME.N`, `NAME-DATE` and `NAME.DATE`, also with number or date before the extension (`NAME-DATE.log`), each
    also compressed; of a rotation that is just being compressed (`.1` and `.1.gz`) only the plain file, which is the
    complete one. Of a link also what stands beside the file that it leads to.
    """
    path = Path(path)
    kept = _kept(path)
    if path.is_symlink():
        with suppress(OSError, ValueError, RuntimeError):  # a circle of links: opening it says what is wrong
            kept += _kept(path.resolve())
        kept = [(age, member) for age, member in kept if member == path or identity(member) != identity(path)]
    return [member for _, member in sorted(kept)] or [path]


def _kept(path: Path) -> list[tuple[Age, Path]]:
    """Return a log and its rotated members in the folder of the log, each with its age."""
    try:
        with os.scandir(path.parent) as entries:
            aged = sorted(
                (entry.name, age, _is_folder(entry)) for entry in entries if (age := _age(entry.name, path.name))
            )
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise LogError(explained(path.parent, error)) from error
    kept: dict[str, tuple[Age, Path]] = {}
    for name, age, is_folder in sorted(aged):
        if not is_folder or name == path.name:
            kept.setdefault(_PACKED.sub("", name), (age, path.parent / name))  # sorted: a plain name comes first
    return list(kept.values())


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


class Listed(msgspec.Struct, frozen=True):
    """A file that a path stands for, and the `log` of whose set it is; `hidden` is the error of a folder."""

    path: Path
    log: Path
    hidden: Message | None = None


def sets(paths: Sequence[Path | str]) -> Iterator[Listed]:
    """Yield the files that some paths stand for, with their rotated members, oldest first, and every file once.

    A folder that cannot be listed may hide members: it is yielded with its error, lest a part pass for the whole. Of a
    file and its compressed copy, as they stand side by side while logrotate works, only the file is yielded.
    """
    names: dict[str, list[Path]] = {}
    for path in map(Path, paths):
        names.setdefault(path.name, []).append(path)
    whose = {path: _whose(path, names) for path in map(Path, paths)}
    plain = {path for path in whose if path.suffix not in SUFFIXES}
    seen = set[tuple[int, int]]()
    for log in sorted(whose, key=lambda path: whose[path] != path):  # a log before its members that are named too
        try:
            found = members(log) if whose[log].parent != log.parent or whose[log] == log else [log]
        except LogError as hidden:
            found = [log]
            if identity(log) is not None:  # otherwise its reading says what is wrong
                yield Listed(log.parent, log, hidden.message)
        for path in [*(path for path in found if path != log), log]:
            same = identity(path)
            if same in seen or (path.suffix in SUFFIXES and path.with_suffix("") in plain and same is not None):
                continue
            plain.add(path)
            yield Listed(path, whose[log])
            if same is not None:
                seen.add(same)


def _whose(path: Path, named: Mapping[str, Sequence[Path]]) -> Path:
    """Return the log to whose set a path belongs, of those named; it may be in another folder (`olddir`)."""
    name = _PACKED.sub("", path.name)
    ends = "", "." + name.rpartition(".")[2]
    heads = dict.fromkeys(name[: mark.start()] + end for mark in _MARK.finditer(name) for end in ends)
    logs = [log for head in heads for log in named.get(head, ()) if head != path.name and _age(path.name, head)]
    return min(logs, key=lambda log: log.parent != path.parent, default=path)


class Held(msgspec.Struct, frozen=True):
    """A file that is open as long as it is needed: `at` is where to open it again, whatever became of its name.

    `at` is None where it could not be opened, which its reading explains; `hidden` is the error of a folder.
    """

    path: Path
    log: Path
    at: Path | None = None
    hidden: Message | None = None


@contextmanager
def held(choose: Callable[[], Iterable[Listed]]) -> Iterator[list[Held]]:
    """Open files of rotated sets so that names and contents belong to one moment: rotation may be going on.

    `choose` names the files, or folders with their errors, as `sets` does.
    """
    for attempt in range(1, _TRIES + 1):
        with ExitStack() as stack:
            chosen = list(choose())
            make_room(len(chosen))
            found = [Held(it.path, it.log, None if it.hidden else _at(it.path, stack), it.hidden) for it in chosen]
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


def _age(name: str, current: str) -> Age | None:
    """Return a key that sorts the members of one log by age, None for other files."""
    if name == current:
        return 2, 0, ""
    suffix = _suffix(_PACKED.sub("", name), current)
    if suffix is None:
        return None
    if dated := _DATED.fullmatch(suffix):
        return 0, 0, re.sub("[^0-9]", "", dated[1])
    if numbered := _NUMBERED.fullmatch(suffix):
        return 1, -int(numbered[1]), ""
    return None


def _suffix(name: str, current: str) -> str | None:
    """Return what rotation added to the name of a log: at its end, or before its extension."""
    if name.startswith(current):
        return name[len(current) :]
    stem, dot, extension = current.rpartition(".")
    end = dot + extension
    return name[len(stem) : -len(end)] if stem and name.startswith(stem) and name.endswith(end) else None
