"""Moving incidents, their flips and what was said about them. What another memory owes to a reader is not told here."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from opskit.history import checks, deciding, flips, incidents, outbox, silences
from opskit.history.codec import bindable, packed
from opskit.history.incident import NewNotice, Silence
from opskit.history.row import FlipRow, IncidentRow, NoticeRow, SilenceRow
from opskit.model.state import Flip

_IMPORTED = "imported"
"""Why an open notice of another memory is not sent here: the other one sends it."""


def rows(
    db: sqlite3.Connection, since: float, until: float
) -> Iterator[IncidentRow | FlipRow | NoticeRow | SilenceRow]:
    """Yield the incidents that lasted into the span, then its flips, its notices and the silences in force in it."""
    for one in incidents.between(db, since, until):
        decided = tuple(deciding.decisions(db, one.id))
        yield IncidentRow(one.seed, one.opened_at, one.closed_at, one.said, decided)
    seeds = dict(db.execute("SELECT id, seed FROM incidents").fetchall())
    for each in flips.between(db, since, until):
        thread = None if each.incident is None else seeds[each.incident]
        yield FlipRow(each.check, thread, each.before, each.after, each.at, each.summary, each.items)
    for sent in outbox.between(db, since, until):
        yield NoticeRow(
            sent.seed,
            None if sent.incident is None else sent.thread,
            sent.at,
            NewNotice(sent.kind, sent.content),
            sent.channel,
            sent.attempts,
            sent.sent_at,
            sent.dropped_at,
            sent.reason,
            sent.error,
        )
    for quiet in silences.since(db, since):
        if quiet.since < until:
            yield SilenceRow(quiet.pattern, quiet.since, quiet.until, quiet.by, quiet.note)


def incident(db: sqlite3.Connection, row: IncidentRow) -> bool:
    """Put an incident beside those that are here; it is over here, whatever is left of it there."""
    closed = max(row.opened_at, row.said.at) if row.closed_at is None else row.closed_at
    written = db.execute(
        "INSERT OR IGNORE INTO incidents (seed, opened_at, closed_at, settled, told) VALUES (?, ?, ?, 1, ?)",
        (bindable(row.seed), row.opened_at, closed, packed(row.said)),
    )
    if written.rowcount == 0:
        return False
    for decision in row.decisions:
        deciding.note(db, int(written.lastrowid or 0), decision)
    return True


def flip(db: sqlite3.Connection, row: FlipRow) -> bool:
    """Put a flip beside those that are here."""
    check_id = checks.known(db, bindable(row.check))
    if check_id is None:
        return False
    of = db.execute("SELECT id FROM incidents WHERE seed = ?", (row.thread and bindable(row.thread),)).fetchone()
    flip_ = Flip(row.check, row.before, row.after, row.at, row.summary)
    return flips.add(db, check_id, flip_, of[0] if of else None, row.items)


def notice(db: sqlite3.Connection, row: NoticeRow) -> bool:
    """Put a notice beside those that are here."""
    db.execute(
        """
        INSERT OR IGNORE INTO notices (incident_id, seed, at, kind, content)
        VALUES ((SELECT id FROM incidents WHERE seed = ?), ?, ?, ?, ?)
        """,
        (
            row.thread and bindable(row.thread),
            bindable(row.seed),
            row.at,
            bindable(row.notice.kind),
            bindable(row.notice.content),
        ),
    )
    is_open = row.sent_at is None and row.dropped_at is None
    return (
        db.execute(
            """
            INSERT OR IGNORE INTO deliveries (notice_id, channel, attempts, sent_at, dropped_at, reason, error)
            SELECT id, ?, ?, ?, ?, ?, ? FROM notices WHERE seed = ?
            """,
            (
                bindable(row.channel),
                row.attempts,
                row.sent_at,
                row.at if is_open else row.dropped_at,
                _IMPORTED if is_open else row.reason and bindable(row.reason),
                row.error and bindable(row.error),
                bindable(row.seed),
            ),
        ).rowcount
        > 0
    )


def silence(db: sqlite3.Connection, row: SilenceRow) -> bool:
    """Put a silence beside those that are here; one that was ended here meanwhile stays so."""
    return silences.add_missing(db, Silence(0, row.pattern, row.since, row.until, row.by, row.note))
