"""Servers for the tests: of one engine or of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.ollama.running import Ollama

Start = Callable[..., Ollama]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts servers with the config keys it is given; the engine is scripted unless they say otherwise."""
    started: list[Ollama] = []

    def fresh(**config: Any) -> Ollama:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Ollama(folder, **config))
        return started[-1].start()

    yield fresh
    for server in started:
        server.close()


@pytest.fixture(params=["scripted", "llama"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn: what holds for one has to hold for the other."""
    return str(request.param)
