"""The step of the tables after which incidents are told, and no longer single changes of state."""

from __future__ import annotations

import sqlite3


def incidents_and_notices(db: sqlite3.Connection) -> None:
    """Make the tables, and move what the old one holds into them."""
    db.execute("DROP VIEW deliveries")
    _incidents(db)
    _silences_and_files(db)
    _outbox(db)
    db.execute("ALTER TABLE checks ADD COLUMN ring TEXT NOT NULL DEFAULT '[]'")
    db.execute("ALTER TABLE checks ADD COLUMN flapping_since REAL")
    _flips_into_incidents(db)
    _flips_without_deliveries(db)


def _incidents(db: sqlite3.Connection) -> None:
    # `told` is JSON: what the notices of an incident have said so far. `version` counts the decisions that changed
    # something: of two processes that decide at once, the later finds another number. It is settled once it is closed
    # and nothing about it is left to decide.
    db.execute("""
        CREATE TABLE incidents (
            id         INTEGER PRIMARY KEY AUTOINCREMENT,
            seed       TEXT NOT NULL UNIQUE,
            opened_at  REAL NOT NULL,
            closed_at  REAL,
            settled    INTEGER NOT NULL DEFAULT 0,
            version    INTEGER NOT NULL DEFAULT 0,
            claimed_at REAL,
            told       TEXT NOT NULL DEFAULT '{}',
            triage_id  INTEGER REFERENCES triages (id) ON DELETE SET NULL,
            acked      TEXT              -- JSON: until when, by whom, why
        )""")
    db.execute("CREATE INDEX incidents_unsettled ON incidents (id) WHERE settled = 0")
    # A decision is kept where it differs from the one before.
    db.execute("""
        CREATE TABLE decisions (
            incident_id INTEGER NOT NULL REFERENCES incidents (id) ON DELETE CASCADE,
            at          REAL NOT NULL,
            action      TEXT NOT NULL,
            reason      TEXT NOT NULL,
            until       REAL
        )""")
    db.execute("CREATE INDEX decisions_of_incident ON decisions (incident_id)")


def _silences_and_files(db: sqlite3.Connection) -> None:
    db.execute("""
        CREATE TABLE silences (
            id       INTEGER PRIMARY KEY AUTOINCREMENT,
            pattern  TEXT NOT NULL,
            since    REAL NOT NULL,
            until    REAL NOT NULL,
            by       TEXT NOT NULL,
            note     TEXT NOT NULL
        )""")
    db.execute("""
        CREATE TABLE files (
            id     INTEGER PRIMARY KEY AUTOINCREMENT,
            path   TEXT NOT NULL,
            digest TEXT NOT NULL,
            at     REAL NOT NULL
        )""")
    db.execute("CREATE INDEX files_by_path ON files (path, id)")


def _outbox(db: sqlite3.Connection) -> None:
    # A notice that is about no single incident has no `incident_id`. `content` is JSON, in the words of its reader.
    db.execute("""
        CREATE TABLE notices (
            id          INTEGER PRIMARY KEY AUTOINCREMENT,
            incident_id INTEGER REFERENCES incidents (id) ON DELETE CASCADE,
            seed        TEXT NOT NULL UNIQUE,
            at          REAL NOT NULL,
            kind        TEXT NOT NULL,
            content     TEXT NOT NULL
        )""")
    db.execute("CREATE INDEX notices_of_incident ON notices (incident_id, id)")
    db.execute("CREATE INDEX notices_by_time ON notices (at)")
    db.execute("""
        CREATE TABLE deliveries (
            notice_id  INTEGER NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
            channel    TEXT NOT NULL,
            attempts   INTEGER NOT NULL DEFAULT 0,
            claimed_at REAL,
            tried_at   REAL,
            retry_at   REAL,
            sent_at    REAL,
            dropped_at REAL,
            reason     TEXT,
            error      TEXT,
            PRIMARY KEY (notice_id, channel)
        ) WITHOUT ROWID""")
    db.execute("CREATE INDEX deliveries_open ON deliveries (notice_id) WHERE sent_at IS NULL AND dropped_at IS NULL")


def _flips_into_incidents(db: sqlite3.Connection) -> None:
    """Make an incident of each thread of flips, and a notice of each flip that was told.

    What waited to be told is decided anew, by the rules for incidents.
    """
    db.execute("""
        INSERT INTO incidents (seed, opened_at, closed_at, settled, told)
        SELECT thread, min(at), iif(last = 'ok', max(at), NULL), last = 'ok' AND NOT owed,
            iif(told IN ('warning', 'critical'),
                json_object('status', told, 'checks', json_array(name), 'at', told_at, 'count', 1), '{}')
        FROM (
            SELECT thread, flips.at AS at, checks.name AS name,
                last_value(after) OVER whole AS last,
                max(sent_at IS NULL AND dropped_at IS NULL) OVER whole AS owed,
                (SELECT one.after FROM flips AS one WHERE one.thread = flips.thread AND one.sent_at IS NOT NULL
                 ORDER BY one.id DESC LIMIT 1) AS told,
                (SELECT max(one.sent_at) FROM flips AS one WHERE one.thread = flips.thread) AS told_at
            FROM flips JOIN checks ON checks.id = check_id
            WHERE thread IN (SELECT thread FROM flips WHERE after <> 'ok')
            WINDOW whole AS (
                PARTITION BY thread ORDER BY flips.id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
        ) GROUP BY thread ORDER BY min(at)""")
    db.execute("""
        INSERT INTO notices (incident_id, seed, at, kind, content)
        SELECT incidents.id, flips.seed, flips.at,
            CASE after WHEN 'ok' THEN 'recovery' WHEN 'warning' THEN 'eased' ELSE 'problem' END, '{}'
        FROM flips JOIN incidents ON incidents.seed = thread
        WHERE sent_at IS NOT NULL OR reason = 'refused' ORDER BY flips.id""")
    db.execute("""
        INSERT INTO deliveries (notice_id, channel, attempts, tried_at, sent_at, dropped_at, reason, error)
        SELECT notices.id, 'email', attempts, tried_at, sent_at, dropped_at, reason, error
        FROM flips JOIN notices USING (seed)""")


def _flips_without_deliveries(db: sqlite3.Connection) -> None:
    """Put the flips into a table that says to which incident each belongs, and no longer what became of telling it."""
    db.execute("""
        CREATE TABLE changes (
            id          INTEGER PRIMARY KEY AUTOINCREMENT,
            check_id    INTEGER NOT NULL REFERENCES checks (id) ON DELETE CASCADE,
            incident_id INTEGER REFERENCES incidents (id) ON DELETE SET NULL,
            before      TEXT,
            after       TEXT NOT NULL,
            at          REAL NOT NULL,
            summary     TEXT NOT NULL,
            items       TEXT NOT NULL,  -- JSON: the items of the verdict that caused it
            UNIQUE (check_id, at, after)
        )""")
    db.execute("""
        INSERT OR IGNORE INTO changes (id, check_id, incident_id, before, after, at, summary, items)
        SELECT flips.id, check_id, incidents.id, before, after, at, summary, items
        FROM flips LEFT JOIN incidents ON incidents.seed = thread ORDER BY flips.id""")
    db.execute("DROP TABLE flips")
    db.execute("ALTER TABLE changes RENAME TO flips")
    db.execute("CREATE INDEX flips_by_time ON flips (at)")
    db.execute("CREATE INDEX flips_of_incident ON flips (incident_id, id)")
