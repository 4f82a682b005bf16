"""OpenAI to Ollama and back: what is asked, what is streamed, what goes wrong on the way."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.lab.gateway.running import Gateway, events, said
from tests.lab.gateway.scripted_ollama import ScriptedOllama, Step, item, last
from tests.lab.part_process import eventually

FAILED = "the model could not answer, please try again later"


def test_a_stream_event_by_event(gateway: Gateway) -> None:
    gateway.start()
    with gateway.stream(headers={"X-Request-Id": "r-1"}) as answer:
        text = answer.read().decode()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-request-id"] == "r-1"
    head = {"id": "chatcmpl-r-1", "model": "qwen3:32b", "object": "chat.completion.chunk"}

    def choice(finish: str | None = None, **delta: str) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    assert events(text) == [
        choice(role="assistant", content="Hel"),
        choice(content="lo （你"),
        choice(content="好）"),
        choice("stop"),
        {**head, "choices": [], "usage": usage},
        "[DONE]",
    ]


def test_each_token_arrives_when_it_is_made(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    ollama.steps = (item("a"), 3.0, item("b"), last())
    began = time.monotonic()
    with gateway.stream() as answer:
        lines = answer.iter_lines()
        assert '"content":"a"' in next(lines)
        first = time.monotonic() - began
        assert any('"content":"b"' in line for line in lines)
    assert first < 2.5
    assert gateway.end()["first_token_ms"] < 2500


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_cut_anywhere_even_inside_a_character(gateway: Gateway, ollama: ScriptedOllama, size: int) -> None:
    gateway.start()
    text = item("a你") + item("好🙂") + item("\n\n") + last()
    ollama.steps = tuple(text[at : at + size] for at in range(0, len(text), size))
    with gateway.stream() as answer:
        found = events(answer.read().decode())
    assert (said(found), found[-1]) == ("a你好🙂\n\n", "[DONE]")


def test_several_objects_in_one_chunk(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    ollama.steps = (item("a") + item("b") + b"\n" + last(done_reason="length"),)
    choice = gateway.ask().json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("ab", "length")


def test_what_ollama_is_asked(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    gateway.ask()
    parts = [{"type": "text", "text": "what is "}, {"type": "text", "text": "this"}]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    options = {"temperature": 0, "top_p": 0.5, "seed": 7, "stop": "END", "max_tokens": 16, "n": 1, "user": "u"}
    gateway.ask([*parts, picture], **options, think=False)
    gateway.ask(max_completion_tokens=5, stop=["a", "b"], reasoning_effort="none")
    plain, full, modern = ollama.asked
    assert plain == {"model": "qwen3:32b", "messages": [{"role": "user", "content": "hi"}], "stream": True}
    assert full == {
        "model": "qwen3:32b",
        "messages": [{"role": "user", "content": "what is this", "images": ["QUJD"]}],
        "stream": True,
        "think": False,
        "options": {"temperature": 0, "top_p": 0.5, "seed": 7, "stop": ["END"], "num_predict": 16},
    }
    assert (modern["options"], modern["think"]) == ({"num_predict": 5, "stop": ["a", "b"]}, False)


def test_a_default_number_of_tokens(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(max_tokens=500)
    gateway.ask()
    gateway.ask(max_tokens=3)
    assert [asked["options"] for asked in ollama.asked] == [{"num_predict": 500}, {"num_predict": 3}]


def thinks(text: str) -> bytes:
    return item(message={"thinking": text})


def test_thinking_is_forwarded(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    ollama.steps = (thinks("hm"), thinks(" so"), 3.0, item("yes"), last())
    with gateway.stream() as answer:
        found = events(answer.read().decode())
    assert (said(found, "reasoning_content"), said(found)) == ("hm so", "yes")
    assert gateway.end()["first_token_ms"] < 2500
    message = gateway.ask().json()["choices"][0]["message"]
    assert message == {"role": "assistant", "content": "yes", "reasoning_content": "hm so"}


def test_an_unknown_model_is_a_friendly_404(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    ollama.status, ollama.steps = 404, (b'{"error":"model \'qwen9\' not found"}',)
    answer = gateway.ask(model="qwen9")
    assert (answer.status_code, answer.json()) == (404, {"error": "model not found, /v1/models lists the known ones"})
    assert gateway.end()["error"] == "ollama: 404 model 'qwen9' not found"


@pytest.mark.parametrize(
    ("status", "answered", "message"),
    [
        (500, 500, FAILED),
        (503, 503, "the model is busy, please try again later"),
        (400, 400, "the model refuses this request"),
        (403, 502, FAILED),
        (301, 502, FAILED),
    ],
)
def test_errors_of_ollama(gateway: Gateway, ollama: ScriptedOllama, status: int, answered: int, message: str) -> None:
    gateway.start()
    ollama.status, ollama.steps = status, (b'{"error":"llama-server process has terminated: /models/blobs"}',)
    for stream in (False, True):
        answer = gateway.ask(stream=stream)
        assert (answer.status_code, answer.json()) == (answered, {"error": message})
    assert gateway.end()["error"] == f"ollama: {status} llama-server process has terminated: /models/blobs"


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ((b'{"error":"unexpected EOF"}\n',), "ollama: unexpected EOF"),
        ((), "ollama: the stream broke off"),
        (("cut",), "ollama: the stream broke off: "),
        ((b"not json\n",), "ollama: not an object of its stream"),
        ((b'{"message":{"content":"\xff"}}\n',), "ollama: not an object of its stream"),
    ],
)
def test_an_error_in_the_middle_is_an_event_and_no_done(
    gateway: Gateway, ollama: ScriptedOllama, steps: tuple[Step, ...], error: str
) -> None:
    gateway.start()
    ollama.steps = (item("half"), *steps)
    with gateway.stream() as answer:
        found = events(answer.read().decode())
    assert (answer.status_code, said(found[:1]), found[1:]) == (200, "half", [{"error": {"message": FAILED}}])
    assert gateway.end()["status"] == 200
    assert gateway.end()["error"].startswith(error)
    whole = gateway.ask()
    assert (whole.status_code, whole.json()) == (502, {"error": FAILED})


def test_silence_between_two_tokens_ends_the_stream(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(idle_timeout_seconds=0.3)
    ollama.steps = (item("a"), 60.0)
    with gateway.stream() as answer:
        assert events(answer.read().decode())[-1] == {"error": {"message": FAILED}}
    assert gateway.end()["error"] == "ollama: silent for 0.3 s"
    eventually(lambda: ollama.hung_up == 1)


def test_a_slow_answer_that_flows_is_no_fault(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(first_byte_timeout_seconds=1, idle_timeout_seconds=1)
    ollama.steps = (*(step for _ in range(8) for step in (item("x"), 0.25)), last())
    assert gateway.ask().json()["choices"][0]["message"]["content"] == "x" * 8
