"""The stand-in library, compiled once for each process of the test run."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.lab.gpu.library import build
from tests.lab.gpu.cards import Cards


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the complete library."""
    return build(tmp_path_factory.mktemp("nvml")).parent


@pytest.fixture
def cards(library: Path, tmp_path: Path) -> Cards:
    """Two healthy cards."""
    return Cards(tmp_path / "state", library)
