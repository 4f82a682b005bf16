"""The memory in a SQLite file. The only place that opens the file; the tables' own modules hold the SQL.

Several processes may use one file at once: readers never wait, writers wait for each other for up to five seconds.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from opskit.history import checks, migrations, numbers, outbox, pruning, trouble
from opskit.history.store import Latest, Runs, StoredFlip
from opskit.model.sample import Sample
from opskit.model.state import Flip, State
from opskit.model.verdict import Verdict

_BUSY_S = 5.0

# auto_vacuum works only if it stands before the first page is written, and switching to WAL writes one.
# synchronous=NORMAL: a power cut may take the last moments, never the integrity of the file.
_PRAGMAS = (
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    f"PRAGMA journal_size_limit = {16 * 1024 * 1024}",
    "PRAGMA foreign_keys = ON",
)


def open_store(path: Path, now: float) -> SqliteStore:
    """Open the file, make it and its folder where they are missing, and bring its tables up to date.

    `now` is noted with the tables that are made. Raises HistoryError with the one sentence to show; whatever stands
    at `path` is never deleted or replaced.
    """
    with _alone_in(path.parent):
        _make(path)
        try:
            return SqliteStore(_connected(path, now), path)
        except sqlite3.Error as error:
            raise trouble.explained(error, path) from error


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


class SqliteStore:
    """A Store over one open file; see there for what the methods do. May be shared by threads; close it at the end."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._db = db
        self._lock = threading.Lock()

    def close(self) -> None:
        """Let go of the file. The last process to do so folds the write-ahead log into it."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise trouble.explained(error, self.path) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._using() as db:
            try:
                yield db
            except (msgspec.ValidationError, ValueError) as error:
                raise trouble.unreadable(self.path, error) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._using() as db:
            # IMMEDIATE: the writer queues here, instead of failing later when a reader wants to become a writer.
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def states(self) -> dict[str, State]:
        """Return the state of every check."""
        with self._reading() as db:
            return checks.all_states(db)

    def state(self, check: str) -> State | None:
        """Return the state of one check."""
        with self._reading() as db:
            return checks.one_state(db, check)

    def latest(self) -> list[Latest]:
        """Return state and newest verdict of every check."""
        with self._reading() as db:
            return checks.all_latest(db)

    def record(self, verdict: Verdict, state: State, flip: Flip | None, seconds: float) -> None:
        """Keep one run in one transaction."""
        with self._writing() as db:
            check_id, stood = checks.remember(db, verdict, state, seconds)
            numbers.add_run(db, check_id, verdict, seconds)
            numbers.add_samples(db, check_id, verdict)
            if flip is not None and flip.after is not stood:
                outbox.add(db, check_id, flip, verdict.items)

    def unsent(self, now: float, limit: int = 50) -> list[StoredFlip]:
        """Return the oldest open flip of each check, where it is due."""
        with self._reading() as db:
            return outbox.unsent(db, now, limit)

    def claim(self, flip_id: int, now: float, lease_s: float) -> bool:
        """Take a flip for delivery."""
        with self._writing() as db:
            return outbox.claim(db, flip_id, now, lease_s)

    def mark_sent(self, flip_id: int, now: float, note: str = "") -> None:
        """Close a flip as told."""
        with self._writing() as db:
            outbox.mark_sent(db, flip_id, now, note)

    def mark_dropped(self, flip_id: int, now: float, reason: str, error: str = "") -> None:
        """Close a flip as not to be told."""
        with self._writing() as db:
            outbox.mark_dropped(db, flip_id, now, reason, error)

    def release(self, flip_id: int, now: float, error: str, retry_at: float) -> None:
        """Give a flip back after a failure."""
        with self._writing() as db:
            outbox.release(db, flip_id, now, error, retry_at)

    def flips(self, since: float, until: float) -> list[StoredFlip]:
        """Return the flips of a span."""
        with self._reading() as db:
            return outbox.between(db, since, until)

    def samples(
        self, check: str, metric: str, since: float, until: float, labels: Mapping[str, str] | None = None
    ) -> list[tuple[float, float]]:
        """Return (at, value) of a metric by time."""
        with self._reading() as db:
            return numbers.samples(db, check, metric, since, until, labels)

    def recorded(self, check: str, since: float, until: float) -> dict[float, list[Sample]]:
        """Return the samples of a check by time."""
        with self._reading() as db:
            return numbers.recorded(db, check, since, until)

    def runs(self, since: float, until: float) -> list[Runs]:
        """Return how the runs of a span went."""
        with self._reading() as db:
            return numbers.runs(db, since, until)

    def heartbeat(self, name: str, now: float) -> None:
        """Note that a worker is alive."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO heartbeats (name, at) VALUES (?, ?)", (name, now))

    def heartbeats(self) -> dict[str, float]:
        """Return when each worker was last alive."""
        with self._reading() as db:
            return dict(db.execute("SELECT name, at FROM heartbeats ORDER BY name").fetchall())

    def prune(self, now: float, keep_days: float = 35) -> int:
        """Forget what is older than `keep_days`."""
        gone = 0
        with self._using() as db:
            work = list(pruning.slices(db, now - keep_days * pruning.DAY_S))
        for piece in work:
            with self._writing() as db:
                gone += piece(db)
        with self._using() as db:
            pruning.give_back(db)
        return gone
