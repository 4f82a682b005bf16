"""The card: how much of a model fits on it, what the server does to it, and what it does to the server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.ollama.running import Ollama
from tests.lab.part_process import eventually

SIZE = 20_870_970_340  # of qwen3:32b with 4096 tokens of context
A10 = {"gpus": 1, "gpu0.mem_total": 24_146_608_128, "gpu0.mem_reserved": 276_824_064, "gpu0.reasons": "0x0"}


class Card:
    """Two state files, of which the later one wins, and the load file."""

    def __init__(self, folder: Path) -> None:
        """A healthy card."""
        self.base, self.fault, self.load = (folder / name for name in ("base", "fault", "load"))
        self.base.write_text(_lines(A10))
        self.gpu = {"state_files": [str(self.base), str(self.fault)], "load_file": str(self.load)}

    def set(self, **values: object) -> None:
        """Have those lines in the later file, and no others."""
        self.fault.write_text(_lines({f"gpu0.{key}": value for key, value in values.items()}))

    def loaded(self) -> dict[str, str]:
        """What the server says that it does to the card."""
        return dict(line.split(" ", 1) for line in self.load.read_text().splitlines())


@pytest.fixture
def card(tmp_path: Path) -> Card:
    """A healthy A10."""
    return Card(tmp_path)


def _lines(values: dict[str, Any]) -> str:
    return "".join(f"{key} {value}\n" for key, value in values.items())


Start = Callable[..., Ollama]


def rate(ollama: Ollama) -> float:
    """Seconds for a token."""
    answer = ollama.generate(options={"num_predict": 8}).json()
    return float(answer["eval_duration"] / answer["eval_count"] / 1e9)


def test_a_model_that_fits_is_on_the_card(start: Start, card: Card) -> None:
    ollama = start(gpu=card.gpu)
    eventually(card.load.exists)
    assert card.loaded()["gpu0.mem_used"] == "0"
    ollama.generate("")
    assert ollama.loaded()[0]["size_vram"] == ollama.loaded()[0]["size"] == SIZE
    loaded = card.loaded()
    assert loaded["gpu0.procs"] == f"{ollama.runner().pid}:{SIZE}"
    assert int(loaded["gpu0.mem_used"]) == SIZE + 120_000_000
    assert loaded["gpu0.util_gpu"] == "0"
    assert "offloaded 65/65 layers to GPU" in ollama.text()
    ollama.generate("", keep_alive=0)
    eventually(lambda: card.loaded()["gpu0.procs"] == "none")


def test_the_card_works_while_a_slot_does_and_not_while_the_runner_is_frozen(start: Start, card: Card) -> None:
    ollama = start(gpu=card.gpu, token_delay_seconds=0.05, defects=["runaway"])
    with ollama.reading() as pieces:
        next(pieces)
        assert int(card.loaded()["gpu0.util_gpu"]) > 80
        assert int(card.loaded()["gpu0.power"]) > 100_000
        ollama.runner().suspend()
        eventually(lambda: card.loaded()["gpu0.util_gpu"] == "0")
        ollama.runner().resume()
        eventually(lambda: card.loaded()["gpu0.util_gpu"] != "0")
    eventually(lambda: card.loaded()["gpu0.util_gpu"] == "0")


def test_what_does_not_fit_goes_to_the_cpu_and_is_slow(start: Start, card: Card) -> None:
    card.set(foreign_used=10_000_000_000, foreign_procs="77:10000000000")
    ollama = start(gpu=card.gpu, token_delay_seconds=0.005)
    slow = rate(ollama)
    [model] = ollama.loaded()
    assert 0.5 < model["size_vram"] / model["size"] < 0.8
    assert "partial-offload" in {event.label for event in ollama.events()}
    assert card.loaded()["gpu0.procs"].startswith("77:10000000000,")
    assert int(card.loaded()["gpu0.mem_used"]) == model["size_vram"] + 10_120_000_000
    card.set()
    ollama.generate("", keep_alive=0)
    eventually(lambda: not ollama.loaded())
    assert slow > 2.5 * rate(ollama)


def test_foreign_memory_shows_while_the_model_is_loaded(start: Start, card: Card) -> None:
    ollama = start(gpu=card.gpu)
    ollama.generate("")
    card.set(foreign_used=2_000_000_000)
    eventually(lambda: int(card.loaded()["gpu0.mem_used"]) == SIZE + 2_120_000_000)
    assert ollama.loaded()[0]["size_vram"] == SIZE


@pytest.mark.parametrize("lost", [{"all": "!15"}, {"handle": "!15"}, {"foreign_used": 22_500_000_000}])
@pytest.mark.parametrize("generation", ["0.12", "0.30"])
def test_without_a_card_the_cpu_has_to_do(start: Start, card: Card, lost: dict[str, object], generation: str) -> None:
    card.set(**lost)
    ollama = start(gpu=card.gpu, generation=generation)
    assert ollama.generate(options={"num_predict": 2}).status_code == 200
    [model] = ollama.loaded()
    assert (model["size_vram"], model["size"]) == (0, SIZE)
    assert "cpu-fallback" in {event.label for event in ollama.events()}
    assert ("library=cpu compute" in ollama.text()) == ("foreign_used" not in lost)


def test_or_the_load_fails(start: Start, card: Card) -> None:
    card.set(foreign_used=22_500_000_000)
    ollama = start(gpu={**card.gpu, "on_no_vram": "fail"})
    failed = ollama.generate()
    assert failed.status_code == 500
    assert "cudaMalloc failed: out of memory" in failed.json()["error"]
    card.set()
    assert ollama.generate(options={"num_predict": 1}).status_code == 200


def test_a_card_that_is_lost_takes_the_runner_with_it(start: Start, card: Card, engine: str) -> None:
    ollama = start(gpu=card.gpu, engine=engine)
    ollama.generate("")
    card.set(all="!15")
    failed = ollama.generate(options={"num_predict": 300})
    assert failed.status_code == 500
    assert "gpu-fault" in {event.label for event in ollama.events()}
    assert ollama.generate(options={"num_predict": 1}).status_code == 200
    assert ollama.loaded()[0]["size_vram"] == 0


def test_a_hot_card_is_slow_until_it_is_cool(start: Start, card: Card) -> None:
    ollama = start(gpu=card.gpu, token_delay_seconds=0.005)
    cool = rate(ollama)
    card.set(reasons="0x20")
    assert rate(ollama) > 3 * cool
    card.set(reasons="0x4")  # a power cap is no heat
    assert rate(ollama) < 3 * cool


def test_more_context_needs_more_memory(start: Start, card: Card) -> None:
    ollama = start(gpu=card.gpu)
    ollama.generate("", options={"num_ctx": 32768})
    [model] = ollama.loaded()
    assert model["size_vram"] < model["size"]
    ollama.generate("", options={"num_gpu": 0})
    assert ollama.loaded()[0]["size_vram"] == 0
