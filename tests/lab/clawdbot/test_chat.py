"""Chat through the gateway, without it, and with each defect."""

from __future__ import annotations

import socket
import time

from tests.lab.clawdbot.running import Clawdbot
from tests.lab.gateway.running import Gateway, events, said
from tests.lab.gateway.scripted_ollama import HELLO, ScriptedOllama, item, last
from tests.lab.part_process import eventually


def test_the_stream_comes_through_and_says_who_asked(clawdbot: Clawdbot, gateway: Gateway) -> None:
    clawdbot.start()
    answer = clawdbot.chat(headers={"X-User-Id": "carol", "X-Request-Id": "r-77"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert answer.headers["x-request-id"] == "r-77"
    found = events(answer.text)
    assert (said(found), found[-1]) == ("Hello （你好）", "[DONE]")
    end = gateway.end()
    assert (end["user_id"], end["request_id"], end["path"]) == ("carol", "r-77", "/v1/chat/completions")


def test_names_and_keys_in_any_script(clawdbot: Clawdbot, gateway: Gateway) -> None:
    key = "schlüssel-钥匙"
    gateway.reload(auth={"valid_keys": [key]})
    clawdbot.start(backend={"api_base": f"{gateway.url}/v1", "api_key": key})
    assert clawdbot.chat(headers=[("X-User-Id", "王芳".encode())]).status_code == 200
    assert gateway.end()["user_id"] == "王芳"


def test_the_conversation_goes_along(clawdbot: Clawdbot, ollama: ScriptedOllama) -> None:
    clawdbot.start()
    earlier = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert clawdbot.chat("c", history=earlier).status_code == 200
    assert ollama.asked[0]["messages"] == [*earlier, {"role": "user", "content": "c"}]


def test_each_token_arrives_when_it_is_made(clawdbot: Clawdbot, ollama: ScriptedOllama) -> None:
    clawdbot.start()
    ollama.steps = (item("a"), 3.0, item("b"), last())
    began = time.monotonic()
    with clawdbot.client.stream("POST", f"{clawdbot.url}/api/chat", json={"message": "hi"}) as answer:
        lines = answer.iter_lines()
        assert '"content":"a"' in next(lines)
        assert time.monotonic() - began < 2.5
        assert "data: [DONE]" in list(lines)


def test_refusals_of_the_gateway_come_through(clawdbot: Clawdbot, gateway: Gateway) -> None:
    clawdbot.start()
    gateway.reload(rate_limit={"max_requests": 0})
    answer = clawdbot.chat()
    assert (answer.status_code, answer.text) == (429, '{"error":"rate limit exceeded"}')
    assert answer.headers["retry-after"] == "60"
    gateway.reload(rate_limit={"enabled": False}, auth={"valid_keys": ["other"]})
    assert (clawdbot.chat().status_code, clawdbot.chat().json()) == (401, {"error": "invalid api key"})
    assert "backend answered 401 request_id=" in clawdbot.said()[-1]


def test_messages_that_are_none(clawdbot: Clawdbot, ollama: ScriptedOllama) -> None:
    clawdbot.start()
    for body in (
        b"",
        b"[]",
        b'{"message":""}',
        b'{"message":"a","history":[{"role":"system","content":"x"}]}',
        b"\xff",
    ):
        answer = clawdbot.client.post(f"{clawdbot.url}/api/chat", content=body)
        assert (answer.status_code, answer.json()["error"]) == (400, "message is required")
    assert clawdbot.client.post(f"{clawdbot.url}/api/chat", content=b"x" * 5_000_000).status_code == 413
    assert not ollama.asked


def test_without_a_gateway_it_says_so(clawdbot: Clawdbot, gateway: Gateway) -> None:
    clawdbot.start()
    gateway.part.stop()
    answer = clawdbot.chat(headers={"X-Request-Id": "r-78"})
    assert answer.status_code == 502
    assert answer.json() == {"error": "the chat backend cannot be reached", "request_id": "r-78"}
    assert clawdbot.said()[-1] == "backend failed: All connection attempts failed request_id=r-78"


def test_a_gateway_that_dies_in_the_middle(clawdbot: Clawdbot, gateway: Gateway, ollama: ScriptedOllama) -> None:
    clawdbot.start()
    ollama.steps = (item("a"), 60.0)
    with clawdbot.client.stream("POST", f"{clawdbot.url}/api/chat", json={"message": "hi"}) as answer:
        lines = answer.iter_lines()
        next(lines)
        gateway.part.child.kill()
        assert events("\n".join(lines))[-1] == {"error": {"message": "the chat backend cannot be reached"}}


def test_a_browser_that_leaves_ends_the_whole_chain(
    clawdbot: Clawdbot, gateway: Gateway, ollama: ScriptedOllama
) -> None:
    clawdbot.start()
    for steps in ((60.0,), (item("a"), 60.0)):
        ollama.steps = steps
        ollama.hung_up = 0
        clawdbot.leave_after(0.5)
        eventually(lambda: ollama.hung_up == 1)
    assert gateway.end(2)["status"] == 499
    eventually(lambda: clawdbot.said().count("client closed the connection request_id=left") == 2)


def test_hanging_up_at_done_is_not_leaving(clawdbot: Clawdbot) -> None:
    clawdbot.start()
    for _ in range(10):
        with clawdbot.client.stream("POST", f"{clawdbot.url}/api/chat", json={"message": "hi"}) as answer:
            for line in answer.iter_lines():
                if line == "data: [DONE]":
                    break
    assert clawdbot.part.stop() == 0
    assert not [text for text in clawdbot.said() if text.startswith("client closed")]


def test_hang_requests(clawdbot: Clawdbot, gateway: Gateway) -> None:
    clawdbot.start(defects=["hang_requests"])
    clawdbot.leave_after(1.0)
    eventually(lambda: "client closed the connection request_id=left" in clawdbot.said())
    assert "chat message received request_id=left" in clawdbot.said()
    assert not gateway.events("request.start")


def test_retry_storm(clawdbot: Clawdbot, gateway: Gateway, ollama: ScriptedOllama) -> None:
    clawdbot.start(defects=["retry_storm"])
    gateway.reload(rate_limit={"max_requests": 0})
    assert clawdbot.chat().status_code == 429
    assert len(gateway.events("request.end")) == 9
    gateway.part.stop()
    began = time.monotonic()
    assert clawdbot.chat().status_code == 502
    assert time.monotonic() - began > 1.9
    assert not ollama.asked


def test_background_calls(clawdbot: Clawdbot, gateway: Gateway, ollama: ScriptedOllama) -> None:
    clawdbot.start(defects=["background_calls"])
    answer = clawdbot.chat(headers={"X-Request-Id": "r-1"})
    assert said(events(answer.text)) == "Hello （你好）"
    assert [gateway.end(number)["request_id"] for number in (1, 2, 3)] == ["r-1-title", "r-1-tags", "r-1"]
    assert len(ollama.asked) == 3


def test_huge_system_prompt(clawdbot: Clawdbot, gateway: Gateway) -> None:
    clawdbot.start(defects=["huge_system_prompt"])
    assert clawdbot.chat().status_code == 200
    assert 24_000 < gateway.end()["prompt_length"] < 32_768


def test_short_timeout(clawdbot: Clawdbot, ollama: ScriptedOllama) -> None:
    clawdbot.start(defects=["short_timeout"])
    ollama.steps = (2.6, *HELLO)
    answer = clawdbot.chat()
    assert (answer.status_code, answer.json()["error"]) == (504, "the chat backend did not answer in time")
    ollama.steps = tuple(step for _ in range(20) for step in (item("x"), 0.2))
    assert events(clawdbot.chat().text)[-1] == {"error": {"message": "the chat backend did not answer in time"}}
    eventually(lambda: ollama.hung_up == 2)
    clawdbot.reload(defects=[])
    ollama.steps = (2.6, *HELLO)
    assert clawdbot.chat().status_code == 200


def test_it_listens_on_loopback_unless_told_otherwise(clawdbot: Clawdbot) -> None:
    clawdbot.start()
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", clawdbot.port)) != 0
