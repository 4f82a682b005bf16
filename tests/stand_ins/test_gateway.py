"""The gateway's contract by real HTTP, its audit log, and its faults."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stand_ins.client import Answer, event_contents, send
from tests.stand_ins.stack import API_KEY, MODEL, Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A running chain."""
    with Stack(tmp_path) as running:
        yield running


def ask(stack: Stack, content: str = "hi", key: str = API_KEY, timeout: float = 10, **more: Any) -> Answer:
    """One request at the gateway itself."""
    headers = {"X-Api-Key": key, "X-User-Id": "bob", **more.pop("headers", {})}
    question = {"model": MODEL, "messages": [{"role": "user", "content": content}], **more}
    return send("POST", f"{stack.gateway_url}/v1/chat/completions", question, headers, timeout=timeout)


def audit(stack: Stack) -> list[dict[str, Any]]:
    """The audit log; its last line is written after the answer left, so wait for it."""
    deadline = time.monotonic() + 5
    while True:
        lines = [json.loads(line) for line in stack.gateway_log.read_text().splitlines()]
        if sum(line["event"] == "request.start" for line in lines) * 2 == len(lines) or time.monotonic() > deadline:
            return lines
        time.sleep(0.01)


def test_good_key_and_short_prompt(stack: Stack) -> None:
    answer = ask(stack)
    body = json.loads(answer.text)
    assert answer.status == 200
    assert body["choices"][0]["message"]["content"] == "You asked（你问）: hi"
    assert body["usage"] == {"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16}
    assert "created_at" not in body


def test_wrong_key(stack: Stack) -> None:
    answer = ask(stack, key="wrong")
    assert (answer.status, answer.text) == (401, '{"error":"invalid api key"}')


def test_the_31st_request_within_the_window(stack: Stack) -> None:
    statuses = [ask(stack).status for _ in range(30)]
    last = ask(stack)
    assert set(statuses) == {200}
    assert (last.status, last.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize(("source", "status"), [("203.0.113.9", 403), ("10.0.7.7", 200), ("1.2.3.4, 127.0.0.1", 200)])
def test_the_source_is_what_the_nearest_proxy_saw(stack: Stack, source: str, status: int) -> None:
    assert ask(stack, headers={"X-Forwarded-For": source}).status == status


def test_prompt_of_100_000_characters(stack: Stack) -> None:
    answer = ask(stack, "x" * 100_000)
    assert (answer.status, json.loads(answer.text)) == (400, {"error": "prompt too long, max 32768 chars"})


def test_stream_ends_with_done(stack: Stack) -> None:
    answer = ask(stack, stream=True)
    assert answer.headers["content-type"] == "text/event-stream"
    assert event_contents(answer.text) == ("You asked（你问）: hi", True)


def test_two_audit_lines_per_request(stack: Stack) -> None:
    ask(stack, stream=True, headers={"X-Request-Id": "r-1"})
    ask(stack, key="wrong")
    start, end, _, refused = audit(stack)
    fields = {"request_id": "r-1", "client_ip": "127.0.0.1", "user_id": "bob", "path": "/v1/chat/completions"}
    assert {**start, **fields, "model": MODEL, "prompt_length": 2} == start
    assert start["time"][10] == "T"
    assert start["time"][-6] in "+-"
    assert {**end, **fields, "status": 200, "prompt_tokens": 9, "completion_tokens": 7, "error": None} == end
    assert end["first_token_ms"] <= end["response_time_ms"]
    assert (refused["status"], refused["error"], refused["first_token_ms"]) == (401, "invalid api key", None)


def test_no_first_byte_from_ollama(stack: Stack) -> None:
    stack.control["ollama"].set(hang_chat=True)
    answer = ask(stack)
    assert answer.status == 503
    assert json.loads(answer.text) == {"error": "the model is not responding, please try again later"}
    assert 2.9 < answer.seconds < 5
    assert audit(stack)[-1]["error"] == "ollama: no first byte within 3 s"


@pytest.mark.parametrize("broken", ["stop", "freeze"])
def test_ollama_is_gone_or_frozen(stack: Stack, broken: str) -> None:
    stack.control["gateway"].set(first_byte_s=0.3)
    getattr(stack, broken)("ollama")
    assert ask(stack).status == 503


def test_a_slow_answer_is_no_dead_model(stack: Stack) -> None:
    stack.control["gateway"].set(first_byte_s=0.3)
    stack.control["ollama"].set(token_delay_s=0.1)
    answer = ask(stack)
    assert answer.status == 200
    assert answer.seconds > 0.5


def test_ollamas_failure_is_friendly_outside_and_exact_in_the_log(stack: Stack) -> None:
    reason = "llama-server process has terminated: signal: killed"
    stack.control["ollama"].set(fail_chat={"status": 500, "error": reason})
    answer = ask(stack)
    assert (answer.status, "terminated" in answer.text) == (500, False)
    assert audit(stack)[-1]["error"] == f"ollama: 500 {reason}"


def test_a_stream_that_breaks_has_no_done(stack: Stack) -> None:
    stack.control["ollama"].set(fail_after=3)
    text, done = event_contents(ask(stack, stream=True).text)
    assert (text, done) == ("You asked（", False)
    assert audit(stack)[-1]["error"].startswith("ollama: an error was encountered")


def test_a_client_that_leaves_is_noted(stack: Stack) -> None:
    stack.control["ollama"].set(token_delay_s=0.2)
    assert ask(stack, stream=True, timeout=0.3).error
    assert audit(stack)[-1]["error"] == "client closed the connection"


def test_control_faults(stack: Stack) -> None:
    control = stack.control["gateway"]
    control.set(delay_s=0.4)
    assert ask(stack).seconds > 0.4
    control.clear()
    control.set(valid_keys=["other"])
    assert (ask(stack).status, ask(stack, key="other").status) == (401, 200)
    control.set(max_requests=3, valid_keys=[API_KEY])
    assert [ask(stack).status for _ in range(2)] == [200, 429]


def test_hang_answers_nothing_and_logs_nothing(stack: Stack) -> None:
    stack.control["gateway"].set(hang=True)
    assert (ask(stack, timeout=0.3).status, send("GET", f"{stack.gateway_url}/health", timeout=0.3).status) == (0, 0)
    stack.control["gateway"].clear()
    assert send("GET", f"{stack.gateway_url}/health").text == '{"status":"ok"}'
    assert stack.gateway_log.read_text() == ""
