"""Ollama's lists of models, from a scripted Ollama and from things that are none."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.probes.asking import ask, value
from tests.probes.server import Talk, answer, refused_port, serving
from tests.stand_ins.process import Process, free_ports
from tests.stand_ins.service import ControlFile


class Ollama(Process):
    """A scripted Ollama in a process of its own."""

    def __init__(self, folder: Path) -> None:
        (port,) = free_ports(1)
        self.control = ControlFile(folder / "control")
        words = ["--port", str(port), "--log", str(folder / "log"), "--control", str(self.control.path)]
        super().__init__([sys.executable, "-m", "tests.stand_ins.ollama", *words], port, folder / "out")
        self.url = f"http://127.0.0.1:{port}/"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    made = Ollama(tmp_path_factory.mktemp("ollama"))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def ollama(process: Ollama) -> Ollama:
    process.control.clear()
    return process


def test_a_model_wholly_on_the_gpu(ollama: Ollama) -> None:
    reading = ask("ollama_api", url=ollama.url)
    facts = reading.facts
    assert (facts["answered"], facts["refused"], facts["timed_out"]) == (True, False, False)
    assert (facts["model_present"], facts["model_loaded"], facts["vram_share_pct"]) == (True, True, 100)
    assert (facts["stopping"], facts["context_length"]) == (False, 4096)
    assert value(reading, "vram_share_pct") == 100
    assert not reading.why
    assert reading.evidence["vram_share_pct"][0].source.endswith("/api/ps")


def test_a_part_of_the_model_on_the_cpu(ollama: Ollama) -> None:
    ollama.control.set(vram_share=0.62)
    assert ask("ollama_api", url=ollama.url).facts["vram_share_pct"] == 62


def test_a_model_that_is_not_loaded_has_no_share(ollama: Ollama) -> None:
    ollama.control.set(loaded=False)
    reading = ask("ollama_api", url=ollama.url)
    assert (reading.facts["model_loaded"], reading.facts["vram_share_pct"]) == (False, None)
    assert "is not loaded" in str(reading.reason("vram_share_pct"))
    assert "is not loaded" in str(reading.reason("stopping"))


def test_a_missing_model_is_missing(ollama: Ollama) -> None:
    ollama.control.set(models=["llama3.2:3b"], loaded=False)
    reading = ask("ollama_api", url=ollama.url)
    assert (reading.facts["model_present"], value(reading, "model_present")) == (False, 0)


def test_an_unload_that_does_not_end_is_seen(ollama: Ollama) -> None:
    ollama.control.set(expires_in_s=-20)
    assert ask("ollama_api", url=ollama.url).facts["stopping"] is True


@pytest.mark.parametrize(
    ("listed", "wanted", "same"),
    [
        ("qwen3:latest", "qwen3", True),
        ("qwen3:32b", "registry.ollama.ai/library/qwen3:32b", True),
        ("Qwen3:32B", "qwen3:32b", True),
        ("registry.local:5000/team/qwen3:latest", "registry.local:5000/team/qwen3", True),
        ("someone/qwen3:32b", "qwen3:32b", False),  # another model, and Ollama answers 404
        ("hf.co/unsloth/qwen3:32b", "qwen3:32b", False),
        ("qwen3:8b", "qwen3:32b", False),
        ("qwen3:32b-q8", "qwen3:32b", False),
        ("", "qwen3:32b", False),
    ],
)
def test_names_are_compared_as_ollama_does(ollama: Ollama, listed: str, wanted: str, same: bool) -> None:
    ollama.control.set(models=[listed])
    assert ask("ollama_api", url=ollama.url, model=wanted).facts["model_present"] is same


def test_a_frozen_process_is_a_time_out(ollama: Ollama) -> None:
    ollama.freeze()
    try:
        reading = ask("ollama_api", 0.4, url=ollama.url)
    finally:
        ollama.thaw()
    facts = reading.facts
    assert (facts["answered"], facts["refused"], facts["timed_out"]) == (False, False, True)
    assert (facts["model_present"], facts["model_loaded"]) == (None, None)
    assert "stuck at" in str(reading.reason("model_present"))


def test_nobody_there_is_a_refusal() -> None:
    reading = ask("ollama_api", url=f"http://127.0.0.1:{refused_port()}")
    assert (reading.facts["refused"], reading.facts["model_present"], value(reading, "answered")) == (True, None, 0)
    assert "nothing listens" in str(reading.reason("answered"))


@pytest.mark.parametrize(
    "said",
    [
        answer("403 Forbidden"),
        answer("404 Not Found", "404 page not found"),
        answer("500 Oops", '{"models":[]}'),
        answer(body="<html>"),
        answer(body='{"status":"ok"}'),
        answer(body="[]"),
        answer(body='{"models":[{"name":5}]}'),
        answer(body='{"models":"none"}'),
        answer(body="[" * 5000),
        answer(body=b'{"models":[{"name":"\xff\xfe"}'),
    ],
)
def test_what_is_no_list_accuses_no_model(said: bytes) -> None:
    with serving(said) as server:
        reading = ask("ollama_api", url=server.url)
    assert (reading.facts["answered"], reading.facts["model_present"]) == (True, None)
    assert "not a list of models" in str(reading.reason("model_present"))


@pytest.mark.parametrize("body", ['{"models":[]}', '{"models":null}'])
def test_an_empty_list_is_a_list(body: str) -> None:
    with serving(answer(body=body)) as server:
        assert ask("ollama_api", url=server.url).facts["model_present"] is False


@pytest.mark.parametrize(
    "odd",
    [
        {"size": 0, "size_vram": 0},
        {"size": 10, "size_vram": 11},
        {"size": 10, "size_vram": -1},
        {"size": -10, "size_vram": -10},
    ],
)
def test_sizes_that_cannot_be_give_no_share(odd: dict[str, int]) -> None:
    model = {"name": "qwen3:32b", "expires_at": "0001-01-01T00:00:00Z", **odd}
    with serving(answer(body=json.dumps({"models": [model]}))) as server:
        reading = ask("ollama_api", url=server.url)
    assert (reading.facts["vram_share_pct"], reading.facts["stopping"]) == (None, None)
    assert "does not say" in str(reading.reason("vram_share_pct"))


@pytest.mark.parametrize("expires", ["soon", "2026-13-45T99:99:99Z", "2318-03-05T10:00:00.123456789+08:00", ""])
def test_any_date_of_expiry_can_be_read(expires: str) -> None:
    model = {"name": "qwen3:32b", "size": 10, "size_vram": 10, "expires_at": expires}
    with serving(answer(body=json.dumps({"models": [model]}))) as server:
        assert ask("ollama_api", url=server.url).facts["stopping"] in {None, False}


def test_a_list_that_hangs_after_the_first_is_a_time_out_too() -> None:
    def script(talk: Talk) -> None:
        if b"/api/tags" in talk.hear():
            talk.sock.sendall(answer(body='{"models":[{"name":"qwen3:32b"}]}'))
        else:
            talk.hang()

    with serving(script) as server:
        reading = ask("ollama_api", 0.4, url=server.url)
    facts = reading.facts
    assert (facts["answered"], facts["timed_out"], facts["model_present"]) == (True, True, True)
    assert facts["model_loaded"] is None
    assert "api/ps" in str(reading.reason("model_loaded"))
