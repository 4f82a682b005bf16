"""Ollama's lists of models, from the lab's Ollama and from things that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from tests.lab.guard import watched
from tests.lab.ollama.running import Ollama
from tests.probes.asking import ask, value
from tests.probes.server import Talk, answer, refused_port, serving


@pytest.fixture(scope="module")
def ollama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    """The lab's Ollama, with its model loaded."""
    folder = tmp_path_factory.mktemp("ollama")
    with watched(folder), closing(Ollama(folder)) as made:
        assert made.start().generate().status_code == 200
        yield made


@contextmanager
def lists(names: tuple[str, ...], *running: dict[str, object]) -> Iterator[str]:
    """A server whose lists are these."""

    def script(talk: Talk) -> None:
        models = [{"name": name} for name in names] if b"/api/tags" in talk.hear() else running
        talk.sock.sendall(answer(body=json.dumps({"models": models})))

    with serving(script) as server:
        yield server.url


def loaded(**more: object) -> dict[str, object]:
    """What `/api/ps` says of the chat's model."""
    ago = timedelta(seconds=float(str(more.pop("expired_s", -300))))
    expires = (datetime.now(UTC) - ago).isoformat()
    return {"name": "qwen3:32b", "size": 100, "size_vram": 100, "expires_at": expires, **more}


def test_a_model_wholly_on_the_gpu(ollama: Ollama) -> None:
    reading = ask("ollama_api", url=ollama.url)
    facts = reading.facts
    assert (facts["answered"], facts["refused"], facts["timed_out"]) == (True, False, False)
    assert (facts["model_present"], facts["model_loaded"], facts["vram_share_pct"]) == (True, True, 100)
    assert (facts["stopping"], facts["context_length"]) == (False, 4096)
    assert value(reading, "vram_share_pct") == 100
    assert not reading.why
    assert reading.evidence["vram_share_pct"][0].source.endswith("/api/ps")


def test_a_part_of_the_model_on_the_cpu() -> None:
    with lists(("qwen3:32b",), loaded(size_vram=62)) as url:
        assert ask("ollama_api", url=url).facts["vram_share_pct"] == 62


def test_a_model_that_is_not_loaded_has_no_share() -> None:
    with lists(("qwen3:32b",)) as url:
        reading = ask("ollama_api", url=url)
    assert (reading.facts["model_loaded"], reading.facts["vram_share_pct"]) == (False, None)
    assert "is not loaded" in str(reading.reason("vram_share_pct"))
    assert "is not loaded" in str(reading.reason("stopping"))


def test_a_missing_model_is_missing(ollama: Ollama) -> None:
    reading = ask("ollama_api", url=ollama.url, model="llama3.2:3b")
    assert (reading.facts["model_present"], value(reading, "model_present")) == (False, 0)


def test_an_unload_that_does_not_end_is_seen() -> None:
    for expired_s, stopping in ((20, True), (-20, False)):
        with lists(("qwen3:32b",), loaded(expired_s=expired_s)) as url:
            assert ask("ollama_api", url=url).facts["stopping"] is stopping


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
def test_names_are_compared_as_ollama_does(listed: str, wanted: str, same: bool) -> None:
    with lists((listed,)) as url:
        assert ask("ollama_api", url=url, model=wanted).facts["model_present"] is same


def test_a_frozen_process_is_a_time_out(ollama: Ollama) -> None:
    process = psutil.Process(ollama.part.child.pid)
    process.suspend()
    try:
        reading = ask("ollama_api", 0.4, url=ollama.url)
    finally:
        process.resume()
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
