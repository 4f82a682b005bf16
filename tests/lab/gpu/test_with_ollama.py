"""The card while the lab's Ollama uses it: memory before, during and after, beside another tenant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.gpu.cards import Cards
from tests.lab.ollama.running import Ollama
from tests.lab.part_process import eventually

USED = "n.nvmlDeviceGetMemoryInfo(h(0), n.nvmlMemory_v2).used"
PIDS = "[p.pid for p in n.nvmlDeviceGetComputeRunningProcesses(h(0))]"
HELD = 1_000_000_000
FOREIGN = {"gpu0.foreign_used": HELD, "gpu0.foreign_procs": "4242:1000000000"}


@pytest.fixture
def ollama(cards: Cards, tmp_path: Path) -> Iterator[Ollama]:
    """On the first card, not started."""
    card, load, fault = map(str, cards.files)
    server = Ollama(tmp_path, gpu={"state_files": [card, fault], "load_file": load})
    yield server
    server.close()


def test_memory_is_right_before_a_model_is_loaded_while_it_is_and_after_ollama_was_killed(
    cards: Cards, ollama: Ollama
) -> None:
    assert cards.set(**FOREIGN).ask(USED, PIDS) == [HELD, [4242]]
    ollama.start()
    assert cards.ask(USED, PIDS) == [HELD, [4242]]
    ollama.generate("")
    used, pids = cards.ask(USED, PIDS)
    model = ollama.loaded()[0]["size_vram"]
    assert isinstance(used, int)
    assert 0 < used - HELD - model < HELD  # what a context of CUDA takes
    assert pids == [4242, ollama.runner().pid]
    ollama.part.child.kill()
    ollama.part.child.wait(10)
    eventually(lambda: cards.ask(USED, PIDS) == [HELD, [4242]], "its memory is not free")
