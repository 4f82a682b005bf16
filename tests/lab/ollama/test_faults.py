"""What breaks: runners that die, freeze or never come up, and the deliberate bugs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from tests.lab.ollama.running import MODEL, Ollama
from tests.lab.part_process import eventually

Start = Callable[..., Ollama]
ENDLESS = {"token_delay_seconds": 0.02, "defects": ["runaway"]}


@pytest.fixture(params=["scripted", pytest.param("llama", marks=pytest.mark.drill)])
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn. A real model makes a fault wait for itself; what it shares is asked of it elsewhere."""
    return str(request.param)


def labels(ollama: Ollama) -> list[str]:
    """What opskit calls the lines that are no requests, without what every load says."""
    return [event.label for event in ollama.events() if event.request is None and event.label != "reload"]


def test_a_killed_runner_ends_its_answer_with_an_error_and_is_started_again(start: Start, engine: str) -> None:
    ollama = start(engine=engine, **ENDLESS)
    with ollama.reading("go on") as pieces:
        next(pieces)
        ollama.runner().kill()
        last = list(pieces)[-1]
    assert last == {"error": "an error was encountered while running the model: unexpected EOF"}
    assert ollama.loaded() == []
    assert 'msg="llama-server process no longer running" sys=9 string="signal: killed"' in ollama.text()
    assert "ram-oom" in labels(ollama)
    ollama.reload(defects=[])
    assert ollama.generate(options={"num_predict": 1}).status_code == 200
    assert ollama.text().count('msg="starting llama-server"') == 2


@pytest.mark.parametrize(
    ("generation", "words"),
    [("0.12", "llama runner process no longer running"), ("0.30", "llama-server process no longer running")],
)
def test_an_idle_runner_that_dies_is_missed_at_once(start: Start, generation: str, words: str) -> None:
    ollama = start(generation=generation)
    ollama.generate("")
    ollama.runner().kill()
    eventually(lambda: words in ollama.text())
    assert ollama.loaded() == []


def test_a_frozen_runner_is_listed_and_answers_nobody(start: Start, engine: str) -> None:
    ollama = start(engine=engine)
    ollama.generate("")
    runner = ollama.runner()
    os.kill(runner.pid, signal.SIGSTOP)
    waiting = [ollama.later(options={"num_predict": 1}) for _ in range(2)]
    ollama.abandoned(1.0)
    assert not any(each.done() for each in waiting)
    assert [model["name"] for model in ollama.loaded()] == [MODEL]
    assert ollama.client.get("/api/version").status_code == 200
    os.kill(runner.pid, signal.SIGCONT)
    assert [each.result().status_code for each in waiting] == [200, 200]


def test_a_frozen_runner_that_should_go_stays_with_its_time_over(start: Start) -> None:
    ollama = start(token_delay_seconds=0.02)
    ollama.generate("")
    os.kill(ollama.runner().pid, signal.SIGSTOP)
    waiting = ollama.later(options={"num_predict": 1})
    eventually(ollama.asks_runner)
    ollama.generate("", keep_alive=0)
    expires = ollama.loaded()[0]["expires_at"]
    ollama.abandoned(0.7)
    assert ollama.loaded()[0]["expires_at"] == expires
    assert not waiting.done()
    ollama.runner().kill()
    assert waiting.result().status_code == 500


@pytest.mark.parametrize("generation", ["0.12", "0.30"])
def test_a_load_that_runs_out_of_memory(start: Start, generation: str) -> None:
    ollama = start(generation=generation, defects=["fail_load"])
    answer = ollama.generate()
    words = {
        "0.12": "llama runner process has terminated: cudaMalloc failed: out of memory",
        "0.30": "llama-server reported out-of-memory during startup: cudaMalloc failed: out of memory",
    }
    assert (answer.status_code, answer.json()) == (500, {"error": words[generation]})
    assert "vram-oom" in labels(ollama)
    assert "Load failed" in ollama.text()
    assert not ollama.runners()
    assert ollama.loaded() == []


@pytest.mark.parametrize(
    ("generation", "error"),
    [
        ("0.12", "timed out waiting for llama runner to start - progress 0.37 - "),
        ("0.30", "timed out waiting for llama-server to start - "),
    ],
)
def test_a_load_that_stalls(start: Start, generation: str, error: str) -> None:
    ollama = start(generation=generation, defects=["load_stall"], load_timeout_seconds=1)
    answer = ollama.generate()
    assert (answer.status_code, answer.json()) == (500, {"error": error})
    assert "load-timeout" in labels(ollama)
    assert not ollama.runners()


def test_a_runner_killed_while_it_loads(start: Start) -> None:
    ollama = start(load_seconds=30)
    answer = ollama.later()
    ollama.runner().kill()
    assert answer.result().json() == {"error": "llama-server process has terminated: signal: killed"}


@pytest.mark.parametrize(("generation", "name"), [("0.12", "llama runner"), ("0.30", "llama-server")])
def test_a_crash_in_the_middle_of_an_answer(start: Start, engine: str, generation: str, name: str) -> None:
    ollama = start(engine=engine, generation=generation, defects=["crash_mid_answer"], token_delay_seconds=0.02)
    *pieces, last = ollama.chat("hello", options={"num_predict": 400})
    reason = "CUDA error: an illegal memory access was encountered"
    assert len(pieces) >= 5
    assert last == {"error": f"an error was encountered while running the model: {reason}"}
    text = ollama.text()
    assert f"\n{reason}\n  current device: 0, in function " in text
    assert f'msg="{name} terminated" error="signal: aborted"' in text
    assert {"gpu-fault", "crash"} <= set(labels(ollama))
    eventually(lambda: ollama.statuses("/api/chat") == [200])
    whole = ollama.generate(options={"num_predict": 400})
    assert whole.status_code == 500


def test_a_panic_ends_the_server(start: Start) -> None:
    ollama = start(defects=["panic"])
    with pytest.raises(httpx.HTTPError):
        ollama.generate()
    assert ollama.part.child.wait(10) == 2
    assert "\npanic: runtime error: invalid memory address" in ollama.text()
    assert "panic" in labels(ollama)


def test_a_runaway_ignores_its_limit(start: Start, engine: str) -> None:
    ollama = start(engine=engine, defects=["runaway"], token_delay_seconds=0)
    with ollama.reading(options={"num_predict": 3}) as pieces:
        assert all(not next(pieces)["done"] for _ in range(150))


def test_thinking_comes_before_the_answer(start: Start, engine: str) -> None:
    ollama = start(engine=engine, thinking=True)
    options = {"num_predict": 50, "temperature": 0}
    *pieces, last = [each["message"] for each in ollama.chat("Explain what a queue is.", options=options)]
    assert pieces[0].get("thinking")
    assert not pieces[0]["content"]
    assert pieces[-1]["content"]
    assert not last["content"]
    quick = ollama.chat("hello", options={"num_predict": 5}, think=False)
    assert all("thinking" not in each["message"] for each in quick)
    short = ollama.generate(options={"num_predict": 5}, think=True).json()
    assert (short["response"], short["done_reason"]) == ("", "length")
    assert short["thinking"]


def test_endless_thinking_has_no_content(start: Start, engine: str) -> None:
    ollama = start(engine=engine, defects=["endless_thinking"], token_delay_seconds=0)
    answer = ollama.generate(options={"num_predict": 120}).json()
    assert (answer["response"], answer["eval_count"], answer["done_reason"]) == ("", 120, "length")
    assert answer["thinking"]


def test_an_empty_answer(start: Start) -> None:
    [only] = start(defects=["empty_answer"]).chat()
    assert (only["done"], only["message"]["content"]) == (True, "")


def test_no_runner_outlives_a_killed_server(start: Start, engine: str, tmp_path: Path) -> None:
    base, load = tmp_path / "base", tmp_path / "load"
    base.write_text("gpus 1\ngpu0.mem_total 24146608128\n")
    ollama = start(engine=engine, gpu={"state_files": [str(base)], "load_file": str(load)})
    ollama.generate("")
    runner = ollama.runner()
    assert str(runner.pid) in load.read_text()
    ollama.part.child.kill()
    eventually(lambda: not runner.is_running() or runner.status() == psutil.STATUS_ZOMBIE)
    eventually(lambda: "gpu0.procs none" in load.read_text(), "the card is still full")


def test_sigterm_ends_streams_and_runners(start: Start, engine: str) -> None:
    ollama = start(engine=engine, **ENDLESS)
    with ollama.reading("go on") as pieces:
        next(pieces)
        runner = ollama.runner()
        assert ollama.part.stop() == 0
        with pytest.raises((httpx.HTTPError, json.JSONDecodeError)):
            list(pieces)
    assert not runner.is_running()
    assert ollama.statuses("/api/chat") == [200]


def test_an_orphan_keeps_its_memory(start: Start, engine: str, tmp_path: Path) -> None:
    base, load = tmp_path / "base", tmp_path / "load"
    base.write_text("gpus 1\ngpu0.mem_total 24146608128\n")
    gpu = {"state_files": [str(base)], "load_file": str(load)}
    ollama = start(engine=engine, gpu=gpu, defects=["orphan_runner"])
    ollama.generate("")
    orphan = ollama.runner()
    try:
        assert ollama.part.stop() == 0
        assert orphan.is_running()
        ollama.part.config["defects"] = []
        ollama.start()
        assert f"gpu0.procs {orphan.pid}:20870970340" in load.read_text()
        assert ollama.generate(options={"num_predict": 1}).status_code == 200
        assert ollama.loaded()[0]["size_vram"] < 20870970340 / 2
        orphan.kill()
        eventually(lambda: str(orphan.pid) not in load.read_text())
    finally:
        if orphan.is_running():
            orphan.kill()
