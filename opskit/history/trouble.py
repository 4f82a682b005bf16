"""Why the memory cannot be used, in one sentence. Errors of SQLite and the file system pass here on their way up."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from opskit.history.store import HistoryError
from opskit.model.message import Message, say

_FOR_GOOD = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_NOTADB}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise what SQLite reports about the file as a HistoryError."""
    try:
        yield
    except sqlite3.Error as error:
        raise explained(error, path) from error


@contextmanager
def told_of_values(path: Path) -> Iterator[None]:
    """Raise what a value of the file makes of its reader as a HistoryError."""
    try:
        yield
    except (msgspec.ValidationError, ValueError) as error:
        raise unreadable(path, error) from error


def explained(error: sqlite3.Error, path: Path) -> HistoryError:
    """Return the HistoryError for what SQLite reported about the file at `path`."""
    # The low byte is the primary code, the rest only refines it (sqlite.org/rescode.html).
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    return HistoryError(_sentence(code, error, str(path)), passing=code not in _FOR_GOOD)


def _sentence(code: int, error: sqlite3.Error, path: str) -> Message:
    match code:
        case sqlite3.SQLITE_FULL:
            return say("The disk that holds the history {path} is full: free some space", path=path)
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return say(
                "The history {path} cannot be opened for writing: this user must be allowed to write it and its folder",
                path=path,
            )
        case sqlite3.SQLITE_NOTADB:
            return say("{path} is not a history of opskit: move it away, or set history.path elsewhere", path=path)
        case sqlite3.SQLITE_CORRUPT:
            return say(
                "The history {path} is damaged; it was left as it is: "
                "move it away to start a new one, `sqlite3 FILE .recover` may save what it holds",
                path=path,
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return say("The history {path} is held by another process for too long: try again", path=path)
        case _:
            return say("The history {path} cannot be used: {error}", path=path, error=str(error))


def no_folder(folder: Path, error: OSError) -> HistoryError:
    """Return the HistoryError for a folder that is missing and cannot be made, or cannot be entered."""
    text = say(
        "The folder {folder} for the history cannot be made or used: {error}",
        folder=str(folder),
        error=error.strerror or str(error),
    )
    return HistoryError(text, passing=_passes(error))


def no_file(path: Path, error: OSError) -> HistoryError:
    """Return the HistoryError for a file that cannot be made."""
    text = say("The history {path} cannot be made: {error}", path=str(path), error=error.strerror or str(error))
    return HistoryError(text, passing=_passes(error))


def _passes(error: OSError) -> bool:
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE}


def newer(path: Path, found: int, known: int) -> HistoryError:
    """Return the HistoryError for a file that a later version wrote."""
    return HistoryError(
        say(
            "The history {path} was written by a newer opskit (schema {found}, this one knows {known}): "
            "upgrade opskit, or set history.path elsewhere",
            path=str(path),
            found=found,
            known=known,
        )
    )


def foreign(path: Path) -> HistoryError:
    """Return the HistoryError for a database of another program."""
    return HistoryError(say("{path} is a database of another program: set history.path elsewhere", path=str(path)))


def unreadable(path: Path, error: Exception) -> HistoryError:
    """Return the HistoryError for a row whose content does not make sense."""
    text = say("The history {path} holds a value that cannot be read: {error}", path=str(path), error=str(error))
    return HistoryError(text, passing=True)
