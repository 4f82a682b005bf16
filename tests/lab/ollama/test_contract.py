"""The API as its clients know it, over both engines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from tests.lab.ollama.running import MODEL, Ollama, objects
from tests.lab.part_process import eventually


@pytest.fixture(scope="module", params=["scripted", "llama"])
def ollama(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ollama]:
    """One server for each engine: these tests leave it as it was."""
    server = Ollama(tmp_path_factory.mktemp("ollama"), engine=request.param).start()
    yield server
    server.close()


def test_the_routes_that_read(ollama: Ollama) -> None:
    assert ollama.client.get("/").text == "Ollama is running"
    assert ollama.client.head("/").status_code == 200
    assert ollama.get("/api/version") == {"version": "0.32.15"}
    [model] = ollama.get("/api/tags")["models"]
    assert (model["name"], model["size"]) == (MODEL, 20_201_253_588)
    assert ollama.get("/v1/models")["data"][0]["id"] == MODEL
    assert ollama.client.post("/api/show", json={"model": MODEL}).json()["details"]["family"] == "qwen3"


def test_tokens_stream_by_default_and_the_last_object_has_the_numbers(ollama: Ollama) -> None:
    response = ollama.client.post(
        "/api/chat",
        json={"model": MODEL, "messages": [{"role": "user", "content": "Count"}], "options": {"num_predict": 6}},
    )
    *pieces, last = objects(response)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert len(pieces) > 1
    assert all(not piece["done"] and piece["message"]["role"] == "assistant" for piece in pieces)
    assert "".join(piece["message"]["content"] for piece in pieces).strip()
    assert (last["done"], last["done_reason"], last["message"]["content"]) == (True, "length", "")
    assert last["eval_count"] == 6
    assert last["prompt_eval_count"] > 0
    spent = [last[f"{name}_duration"] for name in ("load", "prompt_eval", "eval")]
    assert 0 < sum(spent) <= last["total_duration"]


def test_one_object_without_a_stream(ollama: Ollama) -> None:
    body = ollama.generate(options={"num_predict": 3}).json()
    assert body["response"]
    assert (body["done"], body["eval_count"]) == (True, 3)


def test_the_same_question_has_the_same_answer_where_temperature_is_zero(ollama: Ollama) -> None:
    options = {"num_predict": 5, "temperature": 0}
    first, second = (ollama.generate("What is a queue?", options=options).json()["response"] for _ in range(2))
    assert first == second


def test_an_empty_prompt_loads_and_keep_alive_zero_unloads(ollama: Ollama) -> None:
    loaded = ollama.generate("").json()
    assert (loaded["done_reason"], loaded["response"]) == ("load", "")
    assert "total_duration" not in loaded
    assert [model["name"] for model in ollama.loaded()] == [MODEL]
    assert ollama.generate("", keep_alive=0).json()["done_reason"] == "unload"
    eventually(lambda: not ollama.loaded())
    eventually(lambda: not ollama.runners())


def test_load_duration_is_that_of_a_real_load(ollama: Ollama) -> None:
    ollama.generate("", keep_alive=0)
    eventually(lambda: not ollama.loaded())
    cold, warm = (ollama.generate(options={"num_predict": 1}).json()["load_duration"] for _ in range(2))
    assert cold > 50_000_000 > warm


def test_what_is_loaded(ollama: Ollama) -> None:
    ollama.generate(options={"num_predict": 1}, keep_alive="10m")
    [model] = ollama.loaded()
    assert model["size"] == model["size_vram"] > 20_000_000_000
    assert model["context_length"] == 4096
    left = datetime.fromisoformat(model["expires_at"]) - datetime.now().astimezone()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    ollama.generate(options={"num_predict": 1}, keep_alive=-1)
    assert datetime.fromisoformat(ollama.loaded()[0]["expires_at"]).year > 2200
    ollama.generate(options={"num_predict": 1}, keep_alive=300)


def test_openai_streams_end_with_usage_and_done(ollama: Ollama) -> None:
    question = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 4}
    stream = {**question, "stream": True, "stream_options": {"include_usage": True}}
    response = ollama.client.post("/v1/chat/completions", json=stream)
    assert response.headers["content-type"].startswith("text/event-stream")
    events = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert events[-1] == "[DONE]"
    *chunks, ended, usage = [json.loads(event) for event in events[:-1]]
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert ended["choices"][0]["finish_reason"] == "length"
    assert (usage["choices"], usage["usage"]["completion_tokens"]) == ([], 4)
    whole = ollama.client.post("/v1/chat/completions", json=question).json()
    assert whole["choices"][0]["message"]["content"]
    assert whole["usage"]["total_tokens"] == whole["usage"]["prompt_tokens"] + 4


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/chat", {"model": "nope", "messages": []}, 404, "model 'nope' not found"),
        ("/api/generate", {"prompt": "hi"}, 400, "model is required"),
        ("/api/show", {"name": "nope"}, 404, "model 'nope' not found"),
        ("/api/chat", {"model": MODEL, "messages": [], "think": True}, 400, f'"{MODEL}" does not support thinking'),
        ("/api/generate", {"model": MODEL, "keep_alive": "5"}, 400, 'time: missing unit in duration "5"'),
        (
            "/api/generate",
            {"model": MODEL, "prompt": "x", "options": {"num_ctx": "big"}},
            500,
            'option "num_ctx" must be of type integer',
        ),
    ],
)
def test_wrong_requests(ollama: Ollama, path: str, body: dict[str, object], status: int, error: str) -> None:
    response = ollama.client.post(path, json=body)
    assert (response.status_code, response.json()) == (status, {"error": error})


def test_bodies_that_are_none(ollama: Ollama) -> None:
    assert ollama.client.post("/api/chat").json() == {"error": "missing request body"}
    broken = ollama.client.post("/api/generate", content=b'{"model": ]')
    assert broken.status_code == 400
    assert broken.json() == {"error": "invalid character ']' looking for beginning of value"}
    assert (ollama.client.get("/nope").status_code, ollama.client.get("/nope").text) == (404, "404 page not found")
    assert ollama.client.get("/api/chat").status_code == 405


def test_openai_errors_have_an_envelope(ollama: Ollama) -> None:
    body = {"model": "nope", "messages": [{"role": "user", "content": "hi"}]}
    response = ollama.client.post("/v1/chat/completions", json=body)
    error = {"message": "model 'nope' not found", "type": "not_found_error", "param": None, "code": None}
    assert (response.status_code, response.json()) == (404, {"error": error})


def test_a_strange_host_is_refused_on_loopback(ollama: Ollama) -> None:
    response = ollama.client.get("/api/tags", headers={"Host": "chat.example.com"})
    assert (response.status_code, response.text) == (403, "")
    for host in ("localhost:11434", "ollama.internal", "127.0.0.1", "10.0.0.7:80"):
        assert ollama.client.get("/api/tags", headers={"Host": host}).status_code == 200
    assert ollama.client.get("/", headers={"Origin": "https://evil.example"}).status_code == 403
    assert ollama.client.get("/", headers={"Origin": "http://localhost:3000"}).status_code == 200


def test_access_lines_are_gins_and_stand_for_requests_that_ended(ollama: Ollama) -> None:
    line = re.compile(
        r"^\[GIN\] \d{4}/\d\d/\d\d - \d\d:\d\d:\d\d \| 200 \| {1,12}[\d.]+(?:µs|ms|s) \|       127\.0\.0\.1 "
        r'\| GET      "/api/version\?x=1"$',
        re.MULTILINE,
    )
    ollama.get("/api/version?x=1")
    eventually(lambda: line.search(ollama.text()))
    before = ollama.statuses("/api/chat").count(200)
    with ollama.reading(options={"num_predict": 40}) as pieces:
        next(pieces)
        assert ollama.statuses("/api/chat").count(200) == before
        list(pieces)
    eventually(lambda: ollama.statuses("/api/chat").count(200) == before + 1)
