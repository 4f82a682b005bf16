from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from opskit.history.sqlite import SqliteStore, open_store

NOON = 1_790_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    with open_store(path, NOON) as opened:
        yield opened
