"""A gateway process in front of a scripted Ollama."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.gateway.running import Gateway
from tests.lab.gateway.scripted_ollama import ScriptedOllama


@pytest.fixture
def ollama() -> Iterator[ScriptedOllama]:
    """The scripted Ollama."""
    with ScriptedOllama() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, ollama: ScriptedOllama) -> Iterator[Gateway]:
    """A gateway, to be started by the test."""
    made = Gateway(tmp_path, ollama)
    yield made
    made.part.stop()
    made.client.close()
