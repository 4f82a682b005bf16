"""The table of files: what the configuration looked like, so that a change of it can be told beside what came of it."""

from __future__ import annotations

import sqlite3

from opskit.history.codec import bindable


def seen(db: sqlite3.Connection, path: str, digest: str, now: float) -> bool:
    """Note the content of a file where it is another than before; True where there was another."""
    row = db.execute("SELECT digest FROM files WHERE path = ? ORDER BY id DESC LIMIT 1", (bindable(path),)).fetchone()
    if row is not None and row[0] == digest:
        return False
    db.execute("INSERT INTO files (path, digest, at) VALUES (?, ?, ?)", (bindable(path), digest, now))
    return row is not None


def changed(db: sqlite3.Connection, since: float, until: float) -> list[tuple[str, float]]:
    """Return the files that were found changed in a span. That a file was seen for the first time is no change."""
    rows = db.execute(
        """
        SELECT path, at FROM files WHERE at >= ? AND at < ? AND EXISTS (
            SELECT 1 FROM files AS earlier WHERE earlier.path = files.path AND earlier.id < files.id) ORDER BY id
        """,
        (since, until),
    )
    return [(path, at) for path, at in rows]
