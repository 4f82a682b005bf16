"""Loads of models in Ollama's log: again and again, of another model, without an end."""

from __future__ import annotations

import random

import pytest

from opskit.lab.ollama.journal import gin, slog
from opskit.logs.ollama_loads import loads
from opskit.model.reading import Reading
from tests.probes import ollama_texts as texts
from tests.probes.asking import NOW, SHANGHAI, replay
from tests.probes.lines import moment

FACTS = ("loads", "loads_changed", "loads_other_model", "loads_failed")


def begin(ago_s: float, model: str = "sha256-a", context: int | None = 4096, places: int | None = None) -> str:
    size = "" if context is None else f" --ctx-size {context}"
    size += "" if places is None else f" --parallel {places}"
    command = f"/usr/lib/ollama/llama-server --model /m/blobs/{model} --port 4000{size}"
    return slog(moment(ago_s), "INFO", "llama_server.go:402", "starting llama-server", cmd=command)


def ended(ago_s: float, words: str = "llama-server started in 4.25 seconds", **more: str) -> str:
    return slog(moment(ago_s), "INFO", "llama_server.go:1310", words, **more)


def failed(ago_s: float) -> str:
    return slog(moment(ago_s), "INFO", "sched.go:470", "Load failed", model="x", error="out of memory")


def read(*lines: str) -> Reading:
    return replay("ollama_log", "\n".join([*lines, gin(moment(1), 200, 0.1, "GET", "/api/tags")]).encode() + b"\n",
                  source="/var/log/ollama.log")  # fmt: skip


def counts(*lines: str) -> tuple[object, ...]:
    return tuple(read(*lines).facts[name] for name in FACTS)


def well(ago_s: float, model: str = "sha256-a", context: int | None = 4096, places: int | None = None) -> str:
    return begin(ago_s, model, context, places) + "\n" + ended(ago_s - 4)


@pytest.mark.parametrize("generation", ["0.30", "0.12"])
def test_a_load_of_each_generation_is_seen_with_its_time(generation) -> None:
    reading = read(texts.model_load(moment(60), generation, 4))
    assert (reading.facts["loads"], reading.facts["load_median_s"], reading.facts["loading_s"]) == (1, 4, 0)
    assert "starting" in reading.evidence["loads"][0].text


def test_loads_with_other_contexts_are_told() -> None:
    assert counts(well(300), well(200, context=8192), well(100)) == (3, 2, 0, 0)
    assert counts(well(300), well(200), well(100)) == (3, 0, 0, 0)
    assert counts(well(300), well(200, context=None), well(100, context=8192)) == (3, 0, 0, 0)
    assert counts(well(300, context=8192, places=2), well(200, context=4096, places=1)) == (2, 0, 0, 0)
    # What failed is tried anew by Ollama itself, with less.
    assert counts(begin(300, context=32768), failed(298), well(297)) == (2, 0, 0, 1)


def test_models_that_drive_each_other_out_are_told_from_idle_ones() -> None:
    assert counts(well(200), well(170, "sha256-b"), well(140), well(110, "sha256-b"), well(80)) == (5, 0, 3, 0)
    assert counts(well(200), well(170, "sha256-b")) == (2, 0, 0, 0)  # side by side
    assert counts(well(1700), well(1650, "sha256-b"), well(1000), well(950, "sha256-b"), well(60)) == (5, 0, 0, 0)
    assert counts(begin(200), failed(190), well(180, "sha256-b"), well(170)) == (3, 0, 0, 1)
    nameless = [line.replace("--model /m/blobs/sha256-a", "") for line in (well(200), well(100))]
    assert counts(nameless[0], well(150, "sha256-b"), nameless[1]) == (3, 0, 0, 0)


def test_a_load_that_has_no_end_goes_on() -> None:
    assert read(begin(40)).facts["loading_s"] == 40
    assert read(begin(40), ended(36)).facts["loading_s"] == 0
    assert read(begin(900)).facts["loading_s"] == 0  # the log was cut, or the server ended
    # A load whose end is not told of does not take that of the next.
    reading = read(begin(400), well(100))
    assert (reading.facts["loads"], reading.facts["loading_s"], reading.facts["load_median_s"]) == (2, 0, 4.25)


@pytest.mark.parametrize(
    ("words", "failures"),
    [
        ("client connection closed before llama-server finished loading, aborting load", 1),
        ("timed out waiting for llama runner to start - progress 0.00", 1),
        ("llama runner process has terminated: signal: killed", 1),
        ("something else was terminated", 0),
    ],
)
def test_failed_loads_are_counted(words: str, failures: int) -> None:
    assert read(begin(100), ended(90, words)).facts["loads_failed"] == failures


def test_old_loads_and_those_of_the_future_do_not_count() -> None:
    assert counts(well(5000), well(-4000)) == (0, 0, 0, 0)
    assert str(read(well(5000)).reason("load_median_s"))


@pytest.mark.parametrize("seconds", ["1.2.3", ".", "...", "9" * 40, "-1", "", "1e9", "NaN", "\u0664"])
def test_odd_times_stop_nothing(seconds: str) -> None:
    found = read(begin(100), ended(90, f"llama-server started in {seconds} seconds"))
    assert found.facts["loads"] == 1


def test_a_proof_is_cut_behind_the_removal_of_secrets() -> None:
    long = begin(50).replace("--port", "x" * 440 + " --api-key=sk-abcdefgh12345678ijklmnop --port")
    for extra in range(0, 120, 7):
        (proof,) = read(long.replace("xxxx", "x" * (4 + extra), 1)).evidence["loads"]
        assert "sk-abc" not in proof.text
        assert len(proof.text) <= 600


def test_noise_is_read() -> None:
    chance = random.Random(4)
    log = "\n".join([begin(100), ended(96), failed(90), begin(50, context=9)]).encode()
    for _ in range(300):
        cut = bytearray(log)
        for _ in range(9):
            cut[chance.randrange(len(cut))] = chance.randrange(256)
        assert all(load.line for load in loads(bytes(cut), 1, SHANGHAI, NOW.timestamp()))
