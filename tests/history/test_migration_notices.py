"""A file of the time when single flips were told: its threads become incidents, and nothing is told twice or lost."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

import pytest

from opskit.history import migrations
from opskit.history.codec import packed
from opskit.history.sqlite import SqliteStore, open_store
from opskit.model.status import Status
from opskit.model.verdict import Verdict

OK, WARNING, CRITICAL = Status.OK, Status.WARNING, Status.CRITICAL


@pytest.fixture
def old(path: Path) -> sqlite3.Connection:
    """A file as the seventh step left it."""
    path.parent.mkdir(parents=True)
    db = sqlite3.connect(path, isolation_level=None)
    for number, step in enumerate(migrations.STEPS[:7], 1):
        step(db)
        db.execute("INSERT INTO schema_steps VALUES (?, 1.0)", (number,))
    db.execute(f"PRAGMA application_id = {migrations.APPLICATION_ID}")
    db.execute("PRAGMA user_version = 7")
    return db


def flip(db: sqlite3.Connection, check: str, thread: str, after: Status, at: float, **delivery: object) -> None:
    """Write a row as that version did."""
    verdict = packed(Verdict(check, after, (), at))
    db.execute(
        """
        INSERT INTO checks (name, hard, seen, since, at, valid_until, recent, verdict, seconds)
        VALUES (?, ?, ?, ?, ?, ?, '[]', ?, 0.1)
        ON CONFLICT (name) DO UPDATE SET hard = excluded.hard, at = excluded.at
        """,
        (check, after.value, after.value, at, at, at + 60, verdict),
    )
    columns = ["check_id", "seed", "thread", "before", "after", "at", "summary", "items", *delivery]
    marks = ", ".join("?" for _ in columns[1:])
    db.execute(
        f"INSERT INTO flips ({', '.join(columns)}) VALUES ((SELECT id FROM checks WHERE name = ?), {marks})",  # noqa: S608
        (check, uuid.uuid4().hex, thread, "ok", after.value, at, "words", "[]", *delivery.values()),
    )


def opened(db: sqlite3.Connection, path: Path) -> SqliteStore:
    db.close()
    return open_store(path, 999.0)


def test_what_was_told_and_is_over_is_settled(old: sqlite3.Connection, path: Path):
    flip(old, "gpu", "a", CRITICAL, 10.0, sent_at=11.0, attempts=2)
    flip(old, "gpu", "a", OK, 20.0, sent_at=21.0, attempts=1)
    with opened(old, path) as store:
        (incident,) = store.incidents(0, 99)
        assert (incident.seed, incident.opened_at, incident.closed_at, incident.settled) == ("a", 10.0, 20.0, True)
        assert [(one.kind, one.sent_at, one.attempts) for one in store.incident_notices(1)] == [
            ("problem", 11.0, 2),
            ("recovery", 21.0, 1),
        ]
        assert [flip.after for flip in store.incident_flips(1)] == [CRITICAL, OK]
        assert (store.unsettled(), store.due(9e9)) == ([], [])


def test_the_end_of_what_was_told_is_still_owed(old: sqlite3.Connection, path: Path):
    flip(old, "gpu", "a", CRITICAL, 10.0, sent_at=11.0)
    flip(old, "gpu", "a", OK, 20.0)
    flip(old, "tls", "b", CRITICAL, 12.0, sent_at=13.0)
    with opened(old, path) as store:
        over, lasts = store.unsettled()
        assert (over.closed_at, over.said.status, over.said.checks, over.said.at) == (20.0, CRITICAL, ("gpu",), 11.0)
        assert (lasts.closed_at, lasts.said.status) == (None, CRITICAL)


def test_what_nobody_was_told_is_decided_anew(old: sqlite3.Connection, path: Path):
    flip(old, "gpu", "a", WARNING, 10.0, dropped_at=11.0, reason="only-warning")
    flip(old, "gpu", "a", CRITICAL, 20.0, error="451 not now")
    with opened(old, path) as store:
        (incident,) = store.unsettled()
        assert (incident.said.status, incident.status, incident.worst) == (None, CRITICAL, CRITICAL)
        assert store.notices(0, 99) == []


def test_what_was_never_bad_is_no_incident(old: sqlite3.Connection, path: Path):
    flip(old, "gpu", "a", OK, 10.0, dropped_at=11.0, reason="not-announced")
    with opened(old, path) as store:
        assert store.incidents(0, 99) == []
        assert [flip.incident for flip in store.flips(0, 99)] == [None]


def test_what_was_refused_is_still_known(old: sqlite3.Connection, path: Path):
    flip(old, "gpu", "a", CRITICAL, 10.0, dropped_at=11.0, reason="refused", error="550 no")
    with opened(old, path) as store:
        (notice,) = store.notices(0, 99)
        assert (notice.dropped_at, notice.reason, notice.error) == (11.0, "refused", "550 no")
        assert store.due(9e9) == []
