"""Opening the file of the memory: made where it is missing, brought up to date, and never taken from somebody else."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from opskit.history import migrations, trouble

_BUSY_S = 5.0

# auto_vacuum works only if it stands before the first page is written, and switching to WAL writes one.
# synchronous=NORMAL: a power cut may take the last moments, never the integrity of the file.
# The log is folded into the file every 400 KB, not 4 MB: it must not take all that is freed on a disk that was full.
_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 100",
    f"PRAGMA journal_size_limit = {16 * 1024 * 1024}",
    "PRAGMA foreign_keys = ON",
)


def opened(path: Path, now: float) -> sqlite3.Connection:
    """Open the file, make it and its folder where they are missing, and bring its tables up to date.

    Raises HistoryError; whatever stands at `path` is never deleted or replaced.
    """
    with _alone_in(path.parent):
        _make(path)
        try:
            return _connected(path, now)
        except sqlite3.Error as error:
            raise trouble.explained(error, path) from error


def beside(path: Path) -> sqlite3.Connection:
    """Open a file that is open already once more, to read it as it is at this moment. Raises sqlite3.Error."""
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM checks").fetchone()  # from here on nothing changes for this reader
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    # Switching a fresh file to WAL does not wait for a second process that does the same: it fails. So opening is
    # done one by one, under a lock that the kernel drops when its holder dies.
    try:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise trouble.no_folder(folder, error) from error
    try:
        # A file system without locks (some network shares) must not keep anybody from opening.
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _make(path: Path) -> None:
    # The mode is given at birth: SQLite would make the file readable for all. An existing file is not opened here,
    # because closing it again would drop the locks that this process may hold on it (sqlite.org/howtocorrupt.html).
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640))
    except FileExistsError:
        return
    except OSError as error:
        raise trouble.no_file(path, error) from error


def _connected(path: Path, now: float) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        # Look before touching anything: setting the pragmas already writes to the file.
        _refuse_strangers(db, path)
        for pragma in _PRAGMAS:
            db.execute(pragma).fetchall()
        if migrations.schema_of(db) < len(migrations.STEPS):
            migrations.migrate(db, now)
    except BaseException:
        db.close()
        raise
    return db


def _refuse_strangers(db: sqlite3.Connection, path: Path) -> None:
    if migrations.is_foreign(db):
        raise trouble.foreign(path)
    found, known = migrations.schema_of(db), len(migrations.STEPS)
    if found > known:
        raise trouble.newer(path, found, known)
