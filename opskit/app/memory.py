"""Where the history lies on this host, and what happens when it cannot be used: monitoring goes on and says so."""

from __future__ import annotations

import os
from pathlib import Path

from opskit.app.clock import epoch
from opskit.app.context import Context
from opskit.history.sqlite import SqliteStore, open_store


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
