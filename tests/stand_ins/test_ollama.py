"""Ollama's interface and log lines by real HTTP, and its faults."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stand_ins.client import Answer, send
from tests.stand_ins.ollama_lines import go_duration, slog
from tests.stand_ins.service import local_now
from tests.stand_ins.stack import MODEL, Stack

GIN = re.compile(
    r'^\[GIN\] \d{4}/\d\d/\d\d - \d\d:\d\d:\d\d \| (\d{3}) \| +\S+ \|       127\.0\.0\.1 \| (\S+) +"(\S+)"$'
)
START = re.compile(r'time=\S+T\S+\.\d{3}\S+ level=INFO source=\S+:\d+ msg="server config" env="map')


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A chain of which only Ollama runs."""
    idle = Stack(tmp_path)
    idle.start("ollama")
    yield idle
    idle.stop("ollama")


def get(stack: Stack, path: str, timeout: float = 5) -> Any:
    """A JSON answer."""
    return json.loads(send("GET", stack.ollama_url + path, timeout=timeout).text)


def generate(stack: Stack, timeout: float = 5, **request: object) -> Answer:
    """POST /api/generate."""
    question = {"model": MODEL, "prompt": "hi", **request}
    return send("POST", f"{stack.ollama_url}/api/generate", question, timeout=timeout)


def access_lines(stack: Stack, count: int) -> list[tuple[str, ...]]:
    """(status, method, path) of the access lines, once there are so many."""
    deadline = time.monotonic() + 5
    while True:
        found = [match.groups() for line in stack.ollama_log.read_text().splitlines() if (match := GIN.match(line))]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.01)


def test_the_routes_that_read(stack: Stack) -> None:
    assert send("GET", stack.ollama_url + "/").text == "Ollama is running"
    assert send("HEAD", stack.ollama_url + "/").status == 200
    assert get(stack, "/api/version") == {"version": "0.32.15"}
    assert [model["name"] for model in get(stack, "/api/tags")["models"]] == [MODEL]
    assert get(stack, "/v1/models")["data"][0]["id"] == MODEL
    loaded = get(stack, "/api/ps")["models"][0]
    assert loaded["size"] == loaded["size_vram"] > 0
    assert {"context_length", "expires_at"} <= loaded.keys()
    assert send("POST", f"{stack.ollama_url}/api/show", {"model": MODEL}).status == 200


def test_a_generation_streams_by_default_and_ends_with_timings(stack: Stack) -> None:
    answer = generate(stack)
    items = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "".join(item["response"] for item in items) == "You asked（你问）: hi"
    assert (items[-1]["done"], items[-1]["done_reason"], items[-1]["eval_count"]) == (True, "stop", 7)
    for name in ("total_duration", "load_duration", "prompt_eval_duration", "eval_duration"):
        assert items[-1][name] > 0


def test_one_token_as_one_object(stack: Stack) -> None:
    body = json.loads(generate(stack, stream=False, options={"num_predict": 1}).text)
    assert (body["response"], body["done_reason"], body["eval_count"]) == ("You", "length", 1)


def test_requests_that_are_wrong(stack: Stack) -> None:
    missing = generate(stack, model="nope")
    assert (missing.status, missing.text) == (404, '{"error":"model \'nope\' not found"}')
    assert generate(stack, model="").text == '{"error":"model is required"}'
    assert send("POST", f"{stack.ollama_url}/api/chat").text == '{"error":"missing request body"}'
    assert send("GET", f"{stack.ollama_url}/nope").status == 404


def test_the_log_has_the_start_and_an_access_line_at_the_end_of_each_request(stack: Stack) -> None:
    generate(stack)
    get(stack, "/api/tags")
    assert access_lines(stack, 2) == [("200", "POST", "/api/generate"), ("200", "GET", "/api/tags")]
    assert START.match(stack.ollama_log.read_text())


def test_what_is_on_disk_and_in_memory(stack: Stack) -> None:
    stack.control["ollama"].set(models=["a:1b", "b:2b"], vram_share=0.62, context_length=32768)
    assert [model["name"] for model in get(stack, "/api/tags")["models"]] == ["a:1b", "b:2b"]
    spilled = get(stack, "/api/ps")["models"][0]
    assert spilled["size_vram"] == round(spilled["size"] * 0.62)
    assert spilled["context_length"] == 32768
    stack.control["ollama"].set(loaded=False)
    assert get(stack, "/api/ps") == {"models": []}


def test_a_model_that_is_not_loaded_is_loaded_first(stack: Stack) -> None:
    stack.control["ollama"].set(loaded=False, load_s=0.3)
    assert json.loads(generate(stack, stream=False).text)["load_duration"] == 300_000_000
    assert "llama-server started in 0.30 seconds" in stack.ollama_log.read_text()


def test_hang_takes_every_route(stack: Stack) -> None:
    stack.control["ollama"].set(hang=True)
    assert [send("GET", stack.ollama_url + path, timeout=0.2).status for path in ("/", "/api/ps")] == [0, 0]
    stack.control["ollama"].clear()
    assert get(stack, "/api/version")


def test_hang_chat_leaves_the_other_routes_alone(stack: Stack) -> None:
    stack.control["ollama"].set(hang_chat=True)
    assert generate(stack, timeout=0.3).status == 0
    assert get(stack, "/api/ps")["models"]
    assert ("499", "POST", "/api/generate") in access_lines(stack, 2)
    assert "aborting completion request due to client closing the connection" in stack.ollama_log.read_text()


def test_slow_tokens_and_a_failing_runner(stack: Stack) -> None:
    stack.control["ollama"].set(first_token_s=0.2, token_delay_s=0.05)
    answer = generate(stack)
    assert answer.pieces[0][0] >= 0.2
    assert answer.seconds >= 0.2 + 6 * 0.05
    stack.control["ollama"].set(fail_chat={"status": 500, "error": "boom"})
    failed = generate(stack)
    assert (failed.status, failed.text) == (500, '{"error":"boom"}')


def test_one_request_at_a_time_and_the_others_wait(stack: Stack) -> None:
    stack.control["ollama"].set(token_delay_s=0.05)
    answers: list[Answer] = []
    users = [threading.Thread(target=lambda: answers.append(generate(stack))) for _ in range(3)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert max(answer.seconds for answer in answers) > 1.8 * min(answer.seconds for answer in answers)


def test_the_older_generation(tmp_path: Path) -> None:
    old = Stack(tmp_path, generation="0.12")
    old.start("ollama")
    try:
        assert get(old, "/api/version") == {"version": "0.12.3"}
    finally:
        old.stop("ollama")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"), (0.000016724, "16.724µs"), (0.042044125, "42.044125ms"), (1.5, "1.5s"), (60, "1m0s"),
        (70.9, "1m10s"), (308, "5m8s"), (600, "10m0s"), (5079, "1h24m39s"),
    ],
)  # fmt: skip
def test_durations_are_gos(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


def test_slog_quotes_what_needs_it() -> None:
    line = slog(local_now(), "WARN", "a.go:1", "offload", **{"total vram": "20.0 GiB", "n": 3, "said": 'a "b"\nc'})
    assert line.endswith('msg=offload "total vram"="20.0 GiB" n=3 said="a \\"b\\"\\nc"')
