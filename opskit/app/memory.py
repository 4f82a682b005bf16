"""Where the history lies on this host, and what happens when it cannot be used: monitoring goes on and says so."""

from __future__ import annotations

import os
from pathlib import Path

from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.history.records import Keep
from opskit.history.spool import Spool, Spooled
from opskit.history.sqlite import SqliteStore, open_store
from opskit.history.store import HistoryError, Store
from opskit.model.message import Message, say
from opskit.model.settings import HistorySettings
from opskit.model.verdict import Verdict

_TIDY = "tidy"
_DAY_S = 86_400.0
_FINE_DAYS = 90.0


def history_path(context: Context) -> Path:
    """The configured path, else /var/lib/opskit for root and ~/.local/state/opskit for others."""
    if context.settings.history.path:
        return Path(context.settings.history.path).expanduser()
    if os.geteuid() == 0:
        return Path("/var/lib/opskit/history.db")
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local/state")
    return Path(state) / "opskit" / "history.db"


def open_memory(context: Context) -> SqliteStore:
    """Open the history. Raises HistoryError."""
    return open_store(history_path(context), epoch())


def spool_of(context: Context) -> Spool:
    """Return where runs wait that the history could not take."""
    path = history_path(context)
    return Spool(path.with_name(f"{path.name}.spool"), Path(context.settings.history.spare) / f"opskit-{os.geteuid()}")


class Memory:
    """The history for those who run checks: it never fails as a whole. Close it at the end.

    `news` is what whoever opened it should say aside: that runs which had waited were brought in.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store: SqliteStore | None = None
        self.news: Message | None = None
        try:
            self._store = open_memory(context)
        except HistoryError as error:
            self._error = error
        else:
            self.news = self._brought_in(self._store)

    @property
    def store(self) -> Store:
        """The history. Raises HistoryError where it could not be opened."""
        if self._store is None:
            raise self._error
        return self._store

    def close(self) -> None:
        """Let go of the file."""
        if self._store is not None:
            self._store.close()

    def instead(self, verdict: Verdict, seconds: float, error: HistoryError) -> Message:
        """Keep a run that the history did not take because of `error`, and return the sentence about it."""
        text = say("the history is not written: {why}", why=error.message)
        if not error.passing:
            return text
        try:
            path = spool_of(self._context).add(Spooled(verdict, seconds))
        except HistoryError as lost:
            return say("{text}; {lost}", text=text, lost=lost.message)
        return say("{text}; what was measured waits in {path}", text=text, path=str(path))

    def _brought_in(self, store: Store) -> Message | None:
        spool = spool_of(self._context)
        if spool.is_empty:
            return None
        from opskit.app.waiting import bring_in

        try:
            return bring_in(self._context, store, spool)
        except HistoryError as error:
            return error.message


def keep_of(settings: HistorySettings) -> Keep:
    """How long what is kept."""
    return Keep(raw_days=settings.raw_days, fine_days=max(settings.raw_days, _FINE_DAYS), days=settings.days)


def tidy(context: Context, store: Store) -> int:
    """Roll up and forget what is old, once a day; return how many rows it took. Raises HistoryError."""
    now = epoch()
    # A clock that was set back must not keep it from being done.
    if 0 <= now - store.heartbeats().get(_TIDY, 0.0) < _DAY_S:
        return 0
    store.heartbeat(_TIDY, now)
    return store.prune(now, keep_of(context.settings.history))
