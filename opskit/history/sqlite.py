"""The memory in a SQLite file. The tables' own modules hold the SQL, `opening` opens the file.

Several processes may use one file at once: readers never wait, writers wait for each other for up to five seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from opskit.history import checks, files, flips, incidents, levels, numbers, outbox, pruning, triages, trouble
from opskit.history.incident import Kin, NewNotice
from opskit.history.opening import beside, opened
from opskit.history.records import Keep, Kept, KeptTriage, Latest, Runs, Series, StoredFlip
from opskit.history.sqlite_incidents import SqliteIncidents
from opskit.judge.level import Level
from opskit.model.sample import Sample
from opskit.model.state import Flip, State
from opskit.model.verdict import Verdict

if TYPE_CHECKING:
    from opskit.history.row import Row


def open_store(path: Path, now: float) -> SqliteStore:
    """Open the memory; `now` is noted with the tables that are made.

    Raises HistoryError with the one sentence to show; whatever stands at `path` is never deleted or replaced.
    """
    return SqliteStore(opened(path, now), path)


class SqliteStore(SqliteIncidents):
    """A Store over one open file; see there for what the methods do. May be shared by threads; close it at the end."""

    def states(self) -> dict[str, State]:
        """Return the state of every check."""
        with self._reading() as db:
            return checks.all_states(db)

    def state(self, check: str) -> State | None:
        """Return the state of one check."""
        with self._reading() as db:
            return checks.one_state(db, check)

    def newest(self, check: str) -> Verdict | None:
        """Return the newest verdict of one check."""
        with self._reading() as db:
            return checks.newest(db, check)

    def latest(self) -> list[Latest]:
        """Return state and newest verdict of every check."""
        with self._reading() as db:
            return checks.all_latest(db)

    def record(
        self,
        verdict: Verdict,
        state: State | None,
        flip: Flip | None,
        seconds: float,
        kin: Kin = Kin(),  # noqa: B008  # a frozen value
    ) -> None:
        """Keep one run in one transaction."""
        with self._writing() as db:
            if state is None:
                check_id, stood = checks.known(db, verdict.check), None
            else:
                state = checks.reconciled(db, state, flip)
                check_id, stood = checks.remember(db, verdict, state, seconds)
            if check_id is None:
                return
            numbers.add_run(db, check_id, verdict, seconds)
            numbers.add_samples(db, check_id, verdict)
            if flip is not None and flip.after is not stood:
                flips.add(db, check_id, flip, incidents.joined(db, check_id, flip, kin), verdict.items)
            if state is not None:
                incidents.close_if_over(db, check_id, state)

    def flips(self, since: float, until: float) -> list[StoredFlip]:
        """Return the flips of a span."""
        with self._reading() as db:
            return flips.between(db, since, until)

    def samples(
        self,
        check: str,
        metric: str,
        since: float,
        until: float,
        labels: Mapping[str, str] | None = None,
        basis: str = "",
    ) -> list[tuple[float, float]]:
        """Return (at, value) of a metric by time."""
        with self._reading() as db:
            return numbers.samples(db, check, metric, since, until, labels, basis)

    def series(self, check: str) -> list[Series]:
        """Return the series of a check."""
        with self._reading() as db:
            return numbers.series(db, check)

    def accept(self, check: str, series: Series, level: Level, now: float) -> bool:
        """Note that the level of a series is the usual one."""
        with self._writing() as db:
            return levels.accept(db, check, series, level, now)

    def accepted(self, check: str, series: Series) -> list[Level]:
        """Return what was accepted for a series."""
        with self._reading() as db:
            return levels.accepted(db, check, series)

    def recorded(self, check: str, since: float, until: float) -> dict[float, list[Sample]]:
        """Return the samples of a check by time."""
        with self._reading() as db:
            return numbers.recorded(db, check, since, until)

    def runs(self, since: float, until: float) -> list[Runs]:
        """Return how the runs of a span went."""
        with self._reading() as db:
            return numbers.runs(db, since, until)

    def first_runs(self) -> dict[str, float]:
        """Return when each check ran for the first time."""
        with self._reading() as db:
            return numbers.first_runs(db)

    def keep_triage(self, kept: KeptTriage) -> int:
        """Keep a diagnosis."""
        with self._writing() as db:
            return triages.keep(db, kept)

    def amend_triage(self, number: int, kept: KeptTriage) -> None:
        """Put a later state of a diagnosis in its place."""
        with self._writing() as db:
            triages.amend(db, number, kept)

    def triage(self, number: int) -> KeptTriage | None:
        """Return a diagnosis by its number."""
        with self._reading() as db:
            return triages.one(db, number)

    def last_triage(self, playbook: str | None = None) -> KeptTriage | None:
        """Return the diagnosis that was kept last."""
        with self._reading() as db:
            return triages.last(db, playbook)

    def triages(self, since: float, until: float) -> list[KeptTriage]:
        """Return the diagnoses of a span."""
        with self._reading() as db:
            return triages.between(db, since, until)

    def rows(self, since: float, until: float) -> Iterator[Row]:
        """Yield all that is kept."""
        from opskit.history import moving

        # Over a connection of its own: whoever stops in the middle leaves nothing locked.
        with trouble.told(self.path), trouble.told_of_values(self.path), closing(beside(self.path)) as db:
            yield from moving.rows(db, since, until)

    def take_in(self, rows: Iterable[Row]) -> int:
        """Put rows of another memory beside what is here, in one transaction."""
        from opskit.history import moving

        with self._writing() as db:
            return sum(moving.take_in(db, row) for row in rows)

    def file_seen(self, path: str, digest: str, now: float) -> bool:
        """Note the content of a file of the configuration."""
        with self._writing() as db:
            return files.seen(db, path, digest, now)

    def files_changed(self, since: float, until: float) -> list[tuple[str, float]]:
        """Return the files that were found changed in a span."""
        with self._reading() as db:
            return files.changed(db, since, until)

    def inventory(self) -> list[Kept]:
        """Return how much is kept of each kind."""
        from opskit.history import inventory

        with self._reading() as db:
            return inventory.kept(db)

    def heartbeat(self, name: str, now: float) -> None:
        """Note that a worker is alive."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO heartbeats (name, at) VALUES (?, ?)", (name, now))

    def first(self, name: str, now: float, notice: NewNotice | None = None, channels: Sequence[str] = ()) -> bool:
        """Note that something was done, once, with the notice about it in the same transaction."""
        with self._writing() as db:
            fresh = db.execute("INSERT OR IGNORE INTO done (name, at) VALUES (?, ?)", (name, now)).rowcount == 1
            if fresh and notice is not None:
                outbox.add(db, None, notice, now, channels)
            return fresh

    def is_done(self, name: str) -> bool:
        """Return whether something was noted as done."""
        with self._reading() as db:
            return db.execute("SELECT 1 FROM done WHERE name = ?", (name,)).fetchone() is not None

    def heartbeats(self) -> dict[str, float]:
        """Return when each worker was last alive."""
        with self._reading() as db:
            return dict(db.execute("SELECT name, at FROM heartbeats ORDER BY name").fetchall())

    def prune(self, now: float, keep: Keep = Keep()) -> int:  # noqa: B008  # a frozen value
        """Roll up and forget what is old."""
        gone = 0
        with self._using() as db:
            work = list(pruning.slices(db, now, keep))
        for piece in work:
            with self._writing() as db:
                gone += piece(db)
        with self._using() as db:
            pruning.give_back(db)
        return gone
