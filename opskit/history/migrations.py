"""The tables, as numbered steps. `open_store` applies the steps that a file has not seen yet."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from opskit.history.migration_notices import incidents_and_notices

# "opsk" in ASCII, in the header of the file: tells our file from any other SQLite database.
APPLICATION_ID = 0x6F70736B


def _first_tables(db: sqlite3.Connection) -> None:
    db.execute("""
        CREATE TABLE checks (
            id          INTEGER PRIMARY KEY,
            name        TEXT NOT NULL UNIQUE,
            hard        TEXT NOT NULL,
            seen        TEXT NOT NULL,
            since       REAL NOT NULL,
            at          REAL NOT NULL,
            valid_until REAL NOT NULL,
            recent      TEXT NOT NULL,  -- JSON: states, oldest first
            verdict     TEXT NOT NULL,  -- JSON: the newest verdict without its samples
            seconds     REAL NOT NULL
        )""")
    db.execute("""
        CREATE TABLE runs (
            check_id INTEGER NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
            at       REAL NOT NULL,
            status   TEXT NOT NULL,
            seconds  REAL NOT NULL,
            PRIMARY KEY (check_id, at)
        ) WITHOUT ROWID""")
    db.execute("""
        CREATE TABLE series (
            id       INTEGER PRIMARY KEY,
            check_id INTEGER NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
            metric   TEXT NOT NULL,
            labels   TEXT NOT NULL,  -- JSON, keys sorted
            unit     TEXT NOT NULL,
            UNIQUE (check_id, metric, labels)
        )""")
    db.execute("""
        CREATE TABLE samples (
            series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            at        REAL NOT NULL,
            value     REAL NOT NULL,
            PRIMARY KEY (series_id, at)
        ) WITHOUT ROWID""")
    db.execute("CREATE TABLE schema_steps (step INTEGER PRIMARY KEY, at REAL NOT NULL)")
    db.execute("CREATE TABLE heartbeats (name TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID")


def _outbox(db: sqlite3.Connection) -> None:
    # AUTOINCREMENT: a number that was pruned must not come back as a newer flip with an older name.
    db.execute("""
        CREATE TABLE flips (
            id         INTEGER PRIMARY KEY AUTOINCREMENT,
            check_id   INTEGER NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
            seed       TEXT NOT NULL UNIQUE,
            thread     TEXT NOT NULL,
            before     TEXT,
            after      TEXT NOT NULL,
            at         REAL NOT NULL,
            summary    TEXT NOT NULL,
            items      TEXT NOT NULL,  -- JSON: the items of the verdict that caused it
            attempts   INTEGER NOT NULL DEFAULT 0,
            claimed_at REAL,
            tried_at   REAL,
            retry_at   REAL,
            sent_at    REAL,
            dropped_at REAL,
            reason     TEXT,
            error      TEXT
        )""")
    db.execute("CREATE INDEX flips_of_check ON flips (check_id, id)")
    db.execute("CREATE INDEX flips_by_time ON flips (at)")
    db.execute("CREATE INDEX flips_open ON flips (check_id, id) WHERE sent_at IS NULL AND dropped_at IS NULL")
    # Its columns are named like the fields of StoredFlip.
    db.execute("""
        CREATE VIEW deliveries AS
        SELECT flips.id, seed, thread, checks.name AS "check", before, after, flips.at, summary, items, attempts,
            (SELECT earlier.after FROM flips AS earlier
             WHERE earlier.check_id = flips.check_id AND earlier.id < flips.id AND earlier.sent_at IS NOT NULL
             ORDER BY earlier.id DESC LIMIT 1) AS told,
            EXISTS (SELECT 1 FROM flips AS later
                    WHERE later.check_id = flips.check_id AND later.id > flips.id) AS superseded,
            tried_at, retry_at, sent_at, dropped_at, reason, error
        FROM flips JOIN checks ON checks.id = flips.check_id""")


def _accepted(db: sqlite3.Connection) -> None:
    # What was measured before `since` counts `factor` times, or as `flat` where that is not NULL.
    db.execute("""
        CREATE TABLE accepted (
            series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            since     REAL NOT NULL,
            factor    REAL NOT NULL,
            flat      REAL,
            at        REAL NOT NULL,
            PRIMARY KEY (series_id, since)
        ) WITHOUT ROWID""")


def _triages(db: sqlite3.Connection) -> None:
    # AUTOINCREMENT: the newest is the one with the highest number, also where the clock was set back.
    db.execute("""
        CREATE TABLE triages (
            id        INTEGER PRIMARY KEY AUTOINCREMENT,
            at        REAL NOT NULL,
            playbook  TEXT NOT NULL,
            outcome   TEXT NOT NULL,
            code      TEXT,           -- the cause, NULL where none was named
            certainty TEXT,
            also_seen TEXT NOT NULL,  -- JSON: the codes of other causes
            seconds   REAL NOT NULL,
            exit_code INTEGER NOT NULL,
            told      TEXT NOT NULL   -- JSON: the whole diagnosis in no language, and what was done about it
        )""")
    db.execute("CREATE INDEX triages_by_time ON triages (at)")


def _compact_numbers(db: sqlite3.Connection) -> None:
    # Milliseconds and exit codes as whole numbers: they take the fewest bytes in a file of mostly runs and samples.
    db.execute("""
        CREATE TABLE compact_runs (
            check_id INTEGER NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
            at       INTEGER NOT NULL,  -- milliseconds
            status   INTEGER NOT NULL,  -- exit code
            took     INTEGER NOT NULL,  -- milliseconds
            PRIMARY KEY (check_id, at)
        ) WITHOUT ROWID""")
    db.execute("""
        INSERT OR REPLACE INTO compact_runs
        SELECT check_id, round(at * 1000), CASE status WHEN 'ok' THEN 0 WHEN 'warning' THEN 1 WHEN 'critical' THEN 2
            ELSE 3 END, round(seconds * 1000)
        FROM runs""")
    db.execute("""
        CREATE TABLE compact_samples (
            series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            at        INTEGER NOT NULL,  -- milliseconds
            value     REAL NOT NULL,
            PRIMARY KEY (series_id, at)
        ) WITHOUT ROWID""")
    db.execute("INSERT OR REPLACE INTO compact_samples SELECT series_id, round(at * 1000), value FROM samples")
    for table in ("runs", "samples"):
        db.execute(f"DROP TABLE {table}")
        db.execute(f"ALTER TABLE compact_{table} RENAME TO {table}")


def _rollups(db: sqlite3.Connection) -> None:
    # What became of old samples: one row for each `span` seconds from `at` on. The mean of infinities may be none.
    db.execute("""
        CREATE TABLE rollups (
            series_id INTEGER NOT NULL REFERENCES series (id) ON DELETE CASCADE,
            span      INTEGER NOT NULL,
            at        INTEGER NOT NULL,
            n         INTEGER NOT NULL,
            low       REAL NOT NULL,
            mean      REAL,
            high      REAL NOT NULL,
            PRIMARY KEY (series_id, span, at)
        ) WITHOUT ROWID""")


def _done(db: sqlite3.Connection) -> None:
    # What must be done once, whoever does it: the name says of which day it is.
    db.execute("CREATE TABLE done (name TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID")


def _members(db: sqlite3.Connection) -> None:
    # The checks of an incident, in the order in which they came into it. What its flips say of each is kept beside
    # them: an incident is looked at every few seconds, and one that flaps for days has thousands of flips.
    db.execute("""
        CREATE TABLE members (
            id          INTEGER PRIMARY KEY,
            incident_id INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
            check_id    INTEGER NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
            joined_at   REAL NOT NULL,
            worst       INTEGER NOT NULL,  -- severity
            newest      INTEGER NOT NULL,  -- its newest flip
            UNIQUE (incident_id, check_id)
        )""")
    db.execute("CREATE INDEX members_of_check ON members (check_id, incident_id)")
    db.execute("""
        INSERT INTO members (incident_id, check_id, joined_at, worst, newest)
        SELECT incident_id, check_id, min(at),
            max(CASE after WHEN 'critical' THEN 3 WHEN 'warning' THEN 2 WHEN 'unknown' THEN 1 ELSE 0 END), max(id)
        FROM flips WHERE incident_id IS NOT NULL GROUP BY incident_id, check_id ORDER BY min(id)""")


# A file's PRAGMA user_version is the number of steps it has seen. Steps are only ever added at the end.
STEPS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _first_tables,
    _outbox,
    _accepted,
    _triages,
    _compact_numbers,
    _rollups,
    _done,
    incidents_and_notices,
    _members,
)


def schema_of(db: sqlite3.Connection) -> int:
    """Return how many steps the file has seen."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def is_foreign(db: sqlite3.Connection) -> bool:
    """Return whether the file holds tables of another program: those are not ours to change."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables) and application != APPLICATION_ID


def migrate(db: sqlite3.Connection, now: float) -> None:
    """Apply the missing steps in one transaction and note when; `db` is in autocommit mode.

    The version is read inside of the transaction, so of two processes the second finds nothing left to do.
    Raises sqlite3.Error; then the file is as it was before.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        seen = schema_of(db)
        for number, step in enumerate(STEPS[seen:], start=seen + 1):
            step(db)
            db.execute("INSERT INTO schema_steps (step, at) VALUES (?, ?)", (number, now))
        # PRAGMA takes no parameters; both values are integers of ours.
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {len(STEPS)}")
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
