"""Who waits for what: slots, the queue, loads, evictions, and clients that do not wait."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import httpx
import pytest

from tests.lab.ollama.running import Ollama
from tests.lab.part_process import eventually

Start = Callable[..., Ollama]
LONG = {"num_predict": 60}


def busy(ollama: Ollama) -> bool:
    """Whether a slot of its runner works, as the runner says."""
    slots = httpx.get(f"{ollama.runner_url()}/slots", timeout=5, trust_env=False).json()
    return any(slot["is_processing"] for slot in slots)


def test_with_one_slot_requests_come_one_after_the_other(start: Start, engine: str) -> None:
    ollama = start(engine=engine, token_delay_seconds=0.01, max_queue=1)
    ollama.generate("")
    waits = [each.result().json() for each in [ollama.later(f"question {number}", options=LONG) for number in range(3)]]
    assert all(wait.get("total_duration") for wait in waits), waits  # the queue before a loaded model has no end
    work = [wait["prompt_eval_duration"] + wait["eval_duration"] for wait in waits]
    assert max(wait["total_duration"] for wait in waits) >= 0.9 * sum(work)


def test_more_slots_work_at_once(start: Start) -> None:
    ollama = start(token_delay_seconds=0.02, num_parallel=3)
    ollama.generate("")
    answers = [each.result().json() for each in [ollama.later(f"q{number}", options=LONG) for number in range(3)]]
    assert max(answer["total_duration"] for answer in answers) < 0.8 * sum(
        answer["eval_duration"] for answer in answers
    )


def test_a_client_that_leaves_frees_its_slot(start: Start, engine: str) -> None:
    ollama = start(engine=engine, token_delay_seconds=0.05, defects=["runaway"])
    with ollama.reading("tell me everything") as pieces:
        next(pieces)
        assert busy(ollama)
    eventually(lambda: not busy(ollama), "the runner goes on for nobody")
    eventually(lambda: ollama.statuses("/api/chat") == [200])


def test_one_that_leaves_while_it_waits_for_a_slot_is_said_so(start: Start) -> None:
    ollama = start(token_delay_seconds=0.05, defects=["runaway"])
    with ollama.reading() as pieces:
        next(pieces)
        ollama.abandoned(0.5)
        eventually(lambda: ollama.statuses("/api/generate") == [500])  # gin's word for it, as in ollama#8387
    assert "aborting completion request due to client closing the connection" in ollama.text()


@pytest.mark.parametrize(
    ("generation", "words"),
    [
        ("0.12", "client connection closed before server finished loading, aborting load"),
        ("0.30", "client connection closed before llama-server finished loading, aborting load"),
    ],
)
def test_one_that_leaves_while_the_model_loads_ends_the_load(start: Start, generation: str, words: str) -> None:
    ollama = start(load_seconds=30, generation=generation)
    ollama.abandoned(0.5)
    eventually(lambda: ollama.statuses("/api/generate") == [499])
    eventually(lambda: not ollama.runners(), "the load goes on")
    assert words in ollama.text()
    assert "context canceled" in ollama.text()
    ollama.reload(load_seconds=0)
    assert ollama.generate(options={"num_predict": 1}).status_code == 200


def test_a_full_queue_refuses_only_what_has_to_be_loaded(start: Start) -> None:
    ollama = start(max_queue=1, load_seconds=2)
    first = ollama.later("")
    eventually(lambda: "waiting for llama-server to start" in ollama.text())
    assert ollama.loaded() == []
    others = sorted((each.result() for each in [ollama.later(""), ollama.later("")]), key=lambda each: each.status_code)
    assert [first.result().status_code, *(each.status_code for each in others)] == [200, 200, 503]
    assert others[1].json() == {"error": "server busy, please try again.  maximum pending requests exceeded"}
    assert ollama.text().count("starting llama-server") == 1
    answers = [each.result() for each in [ollama.later(options={"num_predict": 1}) for _ in range(4)]]
    assert {answer.status_code for answer in answers} == {200}


def test_another_context_loads_the_model_again(start: Start, engine: str) -> None:
    ollama = start(engine=engine)
    one, same, other = (
        ollama.generate(options={"num_predict": 1, "num_ctx": context}).json()["load_duration"]
        for context in (2048, 2048, 1024)
    )
    assert min(one, other) > 50_000_000 > same
    assert ollama.loaded()[0]["context_length"] == 1024
    assert ollama.text().count('msg="starting llama-server"') == 2
    assert len(ollama.runners()) == 1


def test_a_second_model_puts_the_first_one_out(start: Start) -> None:
    ollama = start(models=[{"name": "a:1b", "size_bytes": 10**9}, {"name": "b:1b", "size_bytes": 10**9}])
    for name in ("a:1b", "b:1b", "a:1b"):
        assert ollama.client.post("/api/generate", json={"model": name}).status_code == 200
        assert [model["name"] for model in ollama.loaded()] == [name]
    assert len(ollama.runners()) == 1
    ollama.reload(max_loaded_models=2)
    ollama.client.post("/api/generate", json={"model": "b:1b"})
    assert len(ollama.loaded()) == 2


def test_it_unloads_after_keep_alive(start: Start, engine: str) -> None:
    ollama = start(engine=engine, keep_alive_seconds=0.5)
    ollama.generate(options={"num_predict": 1})
    eventually(lambda: not ollama.loaded())
    eventually(lambda: not ollama.runners())


def test_a_request_longer_than_keep_alive_keeps_the_model_although_its_time_is_over(start: Start) -> None:
    ollama = start(token_delay_seconds=0.05)
    ollama.generate(options={"num_predict": 1}, keep_alive=1)
    with ollama.reading(options={"num_predict": 40}, keep_alive=1) as pieces:
        next(pieces)
        time.sleep(1.2)
        assert ollama.loaded()
        assert list(pieces)[-1]["done"]


def test_a_prompt_that_is_too_long_is_cut_and_said_so(start: Start, engine: str) -> None:
    ollama = start(engine=engine, context_length=512)
    long = "many words in a row " * 300
    answer = ollama.generate(long, options={"num_predict": 1}).json()
    assert 100 < answer["prompt_eval_count"] < 512
    assert re.search(r'level=WARN .*msg="truncating input prompt" limit=256 prompt=\d+ keep=4', ollama.text())
    refused = ollama.generate(long, options={"num_predict": 1}, truncate=False)
    assert refused.status_code == 400
    assert "exceeds the available context size" in refused.json()["error"]
