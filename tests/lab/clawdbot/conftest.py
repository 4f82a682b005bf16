"""A chat UI in front of a real gateway in front of a scripted Ollama."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.clawdbot.running import Clawdbot
from tests.lab.gateway.running import Gateway
from tests.lab.gateway.scripted_ollama import ScriptedOllama


@pytest.fixture
def ollama() -> Iterator[ScriptedOllama]:
    """The scripted Ollama."""
    with ScriptedOllama() as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, ollama: ScriptedOllama) -> Iterator[Gateway]:
    """A running gateway."""
    made = Gateway(tmp_path, ollama)
    yield made.start()
    made.part.stop()
    made.client.close()


@pytest.fixture
def clawdbot(tmp_path: Path, gateway: Gateway) -> Iterator[Clawdbot]:
    """A chat UI, to be started by the test."""
    made = Clawdbot(tmp_path, gateway.url)
    yield made
    made.part.stop()
    made.client.close()
