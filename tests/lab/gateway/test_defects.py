"""Each defect shows the symptom that it is there for, and none without it."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from tests.lab.gateway.running import Gateway, events, said
from tests.lab.gateway.scripted_ollama import HELLO, ScriptedOllama, item, last
from tests.lab.part_process import eventually

SLOW = (item("a"), 3.0, item("b"), last())


def timed_health(gateway: Gateway) -> float:
    """Ask /health while a slow answer is under way; return how long that took."""
    asking = threading.Thread(target=gateway.ask)
    asking.start()
    time.sleep(0.5)
    began = time.monotonic()
    assert httpx.get(f"{gateway.url}/health", trust_env=False, timeout=10).status_code == 200
    seconds = time.monotonic() - began
    asking.join()
    return seconds


@pytest.mark.parametrize("defect", ["block_event_loop", "one_worker"])
def test_one_answer_holds_up_everybody(gateway: Gateway, ollama: ScriptedOllama, defect: str) -> None:
    gateway.start()
    ollama.steps = SLOW
    assert timed_health(gateway) < 2
    gateway.reload(defects=[defect])
    assert timed_health(gateway) > 2
    assert said(events(gateway.ask(stream=True).text)) == "ab"


def test_no_done_leaves_the_connection_open(gateway: Gateway) -> None:
    gateway.start(defects=["no_done"])
    texts: list[str] = []
    with gateway.stream() as answer:
        answer.request.extensions["timeout"]["read"] = 1.0
        with pytest.raises(httpx.ReadTimeout):
            texts.extend(answer.iter_text())
    assert gateway.end()["status"] == 200
    time.sleep(0.2)
    assert len(gateway.events("request.end")) == 1


def test_no_flush_holds_the_stream_back(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(defects=["no_flush"])
    ollama.steps = SLOW
    began = time.monotonic()
    with gateway.stream() as answer:
        first = time.monotonic() - began
        assert said(events(answer.read().decode())) == "ab"
    assert first > 2.9
    assert gateway.end()["first_token_ms"] < 2900


def test_split_events_lose_their_second_half(gateway: Gateway) -> None:
    gateway.start(defects=["split_events"])
    with gateway.stream() as answer:
        text = answer.read().decode(errors="replace")
    with pytest.raises(ValueError, match=r"."):
        events(text)
    assert text.endswith("data: [DONE]\n\n")


def test_breaker_stuck(gateway: Gateway, ollama: ScriptedOllama) -> None:
    breaker = {"failures": 1, "open_seconds": 0.2}
    gateway.start(defects=["breaker_stuck"], first_byte_timeout_seconds=0.2, breaker=breaker)
    ollama.steps = (60.0,)
    gateway.ask()
    ollama.steps = HELLO
    time.sleep(0.5)
    assert gateway.ask().status_code == 503
    assert len(ollama.asked) == 1
    gateway.reload(defects=[])
    assert gateway.ask().status_code == 200


def test_no_first_byte_timeout(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(defects=["no_first_byte_timeout"], first_byte_timeout_seconds=0.2)
    ollama.steps = (1.0, *HELLO)
    assert gateway.ask().status_code == 200


def test_short_timeout_cuts_an_answer_that_flows(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(defects=["short_timeout"])
    ollama.steps = tuple(step for _ in range(40) for step in (item("x"), 0.25))
    with gateway.stream() as answer:
        found = events(answer.read().decode())
    assert found[-1] == {"error": {"message": "the model took too long, please try again later"}}
    assert 4500 < gateway.end()["response_time_ms"] < 9000
    assert gateway.end()["error"] == "ollama: no complete answer within 5 s"


def test_num_ctx_flip(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(defects=["num_ctx_flip"])
    for _ in range(3):
        gateway.ask()
    assert [asked["options"]["num_ctx"] for asked in ollama.asked] == [4096, 8192, 4096]


def test_drop_thinking(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(defects=["drop_thinking"])
    ollama.steps = (item(message={"thinking": "hm"}), 1.0, item("yes"), last())
    with gateway.stream() as answer:
        found = events(answer.read().decode())
    assert (said(found), said(found, "reasoning_content")) == ("yes", "")
    assert gateway.end()["first_token_ms"] > 900


def test_error_500_tells_the_caller_nothing(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(defects=["error_500"])
    for stream in (True, False):
        answer = gateway.ask(stream=stream)
        assert (answer.status_code, answer.text) == (500, '{"error":"internal server error"}')
        assert len(answer.headers["x-request-id"]) == 32
    assert not ollama.asked
    assert (gateway.end()["status"], gateway.end()["error"]) == (500, "unexpected KeyError")
    eventually(lambda: "Traceback" in gateway.part.output.read_text())
