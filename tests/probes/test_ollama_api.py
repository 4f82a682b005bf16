"""Ollama's lists of models, from the lab's Ollama and from things that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
import psutil
import pytest

from opskit.app.asking import merged
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.reading import Reading
from tests.lab.guard import watched
from tests.lab.ollama.running import Ollama
from tests.probes.asking import AT, ask, collect, replay, series, value
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


def state(reading: Reading) -> str:
    """What the shipped check says, where the log tells of nothing."""
    quiet = replay("ollama_log", b"", source="unit:ollama")
    both = merged([("ollama_api", reading), ("ollama_log", quiet)])
    return evaluate(checks.load().good["ollama-health"], both, AT).status.value


def test_the_shipped_check_on_a_real_server(ollama: Ollama) -> None:
    reading = ask("ollama_api", url=ollama.url)
    assert state(reading) == "ok"
    assert value(reading, "version_known") == 1
    assert str(reading.notes[0]).startswith("Ollama 0.")
    assert state(ask("ollama_api", url=ollama.url, model="llama3.2:3b")) == "critical"
    assert state(ask("ollama_api", url=f"http://127.0.0.1:{refused_port()}")) == "critical"


@pytest.mark.parametrize(
    ("running", "expected"),
    [
        ({"size_vram": 100}, "ok"),
        ({"size_vram": 62}, "warning"),
        ({"size_vram": 0}, "critical"),
        ({"size_vram": 200}, "unknown"),
        ({"size": 0}, "unknown"),
        ({"size_vram": 100, "expired_s": 60}, "warning"),
    ],
)
def test_where_the_model_is_decides(running: dict[str, object], expected: str) -> None:
    # These lists are no version, which the check says beside.
    with lists(("qwen3:32b",), loaded(**running)) as url:
        reading = ask("ollama_api", url=url)
    samples = tuple(sample for sample in reading.samples if sample.metric != "version_known")
    assert state(msgspec.structs.replace(reading, samples=samples)) == expected


def test_a_model_that_is_not_loaded_has_nothing_to_judge_and_a_list_that_is_none_is_unknown() -> None:
    with lists(("qwen3:32b",)) as url:
        idle = ask("ollama_api", url=url)
    assert {sample.metric for sample in idle.samples} & {"loaded_vram_pct", "unload_stuck"} == set()
    assert value(idle, "version_known") == 0
    assert state(idle) == "warning"

    def page(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(answer(body="<html>welcome</html>"))

    with serving(page) as server:
        strange = ask("ollama_api", url=server.url)
    assert value(strange, "loaded_vram_pct") is None
    assert state(msgspec.structs.replace(strange, samples=strange.samples[:-1])) == "unknown"


def test_evidence_without_a_version_is_older_and_not_worse() -> None:
    with lists(("qwen3:32b",), loaded()) as url:
        (raw,) = collect("ollama_api", url=url)
    older = {name: part for name, part in json.loads(raw.data).items() if name != "version"}
    reading = replay("ollama_api", json.dumps(older).encode(), datetime.now(UTC))
    assert series(reading, "version_known") == []
    assert state(reading) == "ok"
