"""The same question at every layer: what each of them adds, and what is no fault of theirs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.probes.asking import ask, collect, replay, series, value
from tests.probes.server import Talk, answer, refused_port, serving

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
LINES = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
SECOND = 1_000_000_000
TOLD = {
    "done": True,
    "done_reason": "length",
    "total_duration": 3 * SECOND,
    "load_duration": 50_000_000,
    "prompt_eval_count": 20,
    "prompt_eval_duration": SECOND // 4,
    "eval_count": 16,
    "eval_duration": 2 * SECOND,
}


def stream(finish: str = "length") -> bytes:
    delta = {"choices": [{"delta": {"content": "one"}}]}
    end = {"choices": [{"delta": {}, "finish_reason": finish}]}
    return SSE + b"".join(b"data: " + json.dumps(one).encode() + b"\n\n" for one in (delta, end)) + b"data: [DONE]\n\n"


def chat(**told: object) -> bytes:
    first = {"message": {"role": "assistant", "content": "one"}, "done": False}
    return LINES + b"".join(json.dumps(one).encode() + b"\n" for one in (first, {**TOLD, **told}))


def ollama(
    said: bytes, *, context: int | None = 4096, loaded: bool = True, heard: list[bytes] | None = None
) -> Callable[[Talk], None]:
    """An Ollama that answers the question with `said`, and knows its version and, once loaded, its model."""
    model = {"name": "qwen3:32b", "digest": "sha256abcdef", "context_length": context, "size": 2, "size_vram": 2}
    state = {"loaded": loaded}
    routes = {
        b"/api/chat": said,
        b"/api/version": answer(body='{"version": "0.30.1"}'),
    }

    def script(talk: Talk) -> None:
        question = talk.hear()
        path = question.split(b" ")[1]
        if path == b"/api/ps":
            talk.sock.sendall(answer(body=json.dumps({"models": [model] if state["loaded"] else []})))
            return
        if path == b"/api/chat":
            state["loaded"] = True
            (heard if heard is not None else []).append(question)
        talk.sock.sendall(routes[path])

    return script


@contextmanager
def stack(direct: bytes, gateway: bytes = b"", nginx: bytes = b"") -> Iterator[dict[str, object]]:
    with serving(ollama(direct)) as a, serving(gateway or stream()) as b, serving(nginx or stream()) as c:
        yield {"url": b.url, "ollama_url": a.url, "nginx_url": c.url, "layers": ["ollama", "nginx"]}


def test_each_layer_has_a_series_of_its_own_and_all_say_what_they_were_measured_with() -> None:
    with stack(chat()) as urls:
        reading = ask("latency", **urls)
    assert {one.labels["layer"] for one in series(reading, "layer_answered")} == {"ollama", "nginx"}
    assert value(reading, "added_s", layer="model") == 2.25
    assert value(reading, "added_s", layer="queue") == pytest.approx(0.7)
    assert (value(reading, "token_s"), value(reading, "tokens_per_s")) == (0.125, 8.0)
    assert (value(reading, "load_s"), value(reading, "prompt_s")) == (0.05, 0.25)
    # What a layer adds may come out below zero where both were equally fast: a series of latencies wants more.
    assert all((one.value or 0) > 0 for one in series(reading, "added_s"))
    assert {one.basis for one in reading.samples} == {"model sha256abcdef, Ollama 0.30.1, context 4096"}
    assert not reading.notes


def test_loading_is_told_and_is_no_time_of_a_layer() -> None:
    cold = ollama(chat(load_duration=12 * SECOND, total_duration=15 * SECOND), loaded=False)
    with serving(cold) as direct, serving(stream()) as gateway:
        reading = ask("latency", url=gateway.url, ollama_url=direct.url, layers=["ollama"])
    assert value(reading, "load_s") == 12
    assert [str(note) for note in reading.notes] == ["the model was not loaded: loading took 12.0 s"]
    assert (value(reading, "added_s", layer="model"), value(reading, "added_s", layer="queue")) == (2.25, 0.75)


def test_a_model_that_was_loaded_and_is_loaded_again_is_told() -> None:
    with stack(chat(load_duration=12 * SECOND, total_duration=15 * SECOND)) as urls:
        (note,) = ask("latency", **urls).notes
    assert str(note).startswith("the model was loaded, and yet loading took 12.0 s: ")


@pytest.mark.parametrize("num_ctx", [None, 32768])
def test_the_question_to_ollama_neither_reloads_nor_pins_the_model(num_ctx: int | None) -> None:
    heard = list[bytes]()
    told = ollama(chat(), context=32768, heard=heard)
    with serving(told) as direct, serving(stream()) as gateway:
        ask("latency", url=gateway.url, ollama_url=direct.url, layers=["ollama"], max_tokens=7, num_ctx=num_ctx)
    asked = json.loads(heard[0].partition(b"\r\n\r\n")[2])
    assert set(asked) == {"model", "messages", "stream", "think", "options"}
    # No option of the runner but the one that the gateway sets too.
    own = {"num_ctx": num_ctx} if num_ctx else {}
    assert asked["options"] == {"temperature": 0, "seed": 7, "num_predict": 7, **own}


def test_while_others_wait_in_ollama_nobody_outside_is_accused() -> None:
    with stack(chat(total_duration=8 * SECOND)) as urls:
        reading = ask("latency", **urls)
    assert {one.labels["layer"] for one in series(reading, "added_s")} == {"model", "queue"}
    assert "other questions were waiting in Ollama for 5.7 s" in str(reading.notes[0])


def test_a_gateway_that_answers_at_length_is_not_compared() -> None:
    word = b"data: " + json.dumps({"choices": [{"delta": {"content": "one"}}]}).encode() + b"\n\n"
    with stack(chat(), gateway=SSE + word * 25 + b"data: [DONE]\n\n") as urls:
        assert {one.labels["layer"] for one in series(ask("latency", **urls), "added_s")} == {"model", "queue", "nginx"}


@pytest.mark.parametrize("status", ["301 Moved Permanently", "401 Unauthorized", "404 Not Found", "405 No", "429 Many"])
def test_what_turns_the_question_away_is_no_layer_that_fails(status: str) -> None:
    with stack(answer(status, "{}"), nginx=answer(status, "<html>")) as urls:
        reading = ask("latency", **urls)
    assert (reading.facts["answered"], series(reading, "layer_answered")) == (True, [])
    assert len(reading.notes) == 2


@pytest.mark.parametrize(
    "told",
    [
        {"eval_duration": "soon"},
        {"eval_duration": -5, "load_duration": -1},
        {"total_duration": 10**400},
        {"prompt_eval_duration": 1.5},
    ],
)
def test_durations_that_are_none_make_it_no_less_an_answer(told: dict[str, object]) -> None:
    with stack(chat(**told)) as urls:
        reading = ask("latency", **urls)
    assert value(reading, "layer_answered", layer="ollama") == 1
    assert all((one.value or 0) >= 0 for one in reading.samples)
    assert not series(reading, "queue_s")


def test_half_an_account_of_what_answered_begins_no_new_series() -> None:
    def script(talk: Talk) -> None:
        path = talk.hear().split(b" ")[1]
        talk.sock.sendall(chat() if path == b"/api/chat" else answer("500 No", "{}"))

    with serving(script) as direct, serving(stream()) as gateway:
        reading = ask("latency", url=gateway.url, ollama_url=direct.url, layers=["ollama"])
    assert ({one.basis for one in reading.samples}, value(reading, "load_s")) == ({""}, 0.05)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer("500 Internal Server Error", '{"error":"runner has died"}'), "answered 500"),
        (LINES + b'{"error":"an error was encountered"}\n', "ended in an error"),
        (LINES + b'{"message":{"content":"one"},"done":false}\n', "broke off without its end"),
        (answer(body="[1, 2"), "broke off"),
        (LINES + b'{"done":true,"eval_count":0}\n', "without a word"),
        (LINES + b'{"message":{"content":"one"},"done":true,"error":"cut"}\n', "ended in an error"),
    ],
)
def test_an_ollama_that_gives_no_answer_is_a_layer_that_does_not_answer(said: bytes, why: str) -> None:
    with stack(said) as urls:
        reading = ask("latency", **urls)
    assert value(reading, "layer_answered", layer="ollama") == 0
    assert why in str(reading.reason("layer_answered ollama"))
    assert not series(reading, "token_s")
    assert {one.labels["layer"] for one in series(reading, "added_s")} == {"nginx"}


def test_what_may_be_another_address_is_no_fault() -> None:
    with serving(stream()) as gateway, serving(answer("404 Not Found", "no such page")) as nginx:
        nobody = f"http://127.0.0.1:{refused_port()}"
        reading = ask("latency", url=gateway.url, ollama_url=nobody, nginx_url=nginx.url, layers=["ollama", "nginx"])
    assert not series(reading, "layer_answered")
    assert not series(reading, "added_s")
    told = [str(note) for note in reading.notes]
    assert "not measured straight from Ollama: connection refused" in told[0]
    assert "not measured through Nginx" in told[1]
    assert "answered 404" in told[1]


def test_an_nginx_that_fails_is_a_fault_only_where_the_gateway_answers() -> None:
    with stack(chat(), nginx=answer("502 Bad Gateway", "<html>")) as urls:
        assert value(ask("latency", **urls), "layer_answered", layer="nginx") == 0
    with stack(chat(), gateway=answer("502 Bad Gateway", "<html>")) as urls:
        reading = ask("latency", **urls)
    assert (reading.facts["answered"], series(reading, "layer_answered", layer="nginx")) == (False, [])


def test_older_and_odd_ollamas_tell_less() -> None:
    with serving(ollama(chat(eval_duration=None, load_duration=None), context=None)) as direct, serving(stream()) as b:
        reading = ask("latency", url=b.url, ollama_url=direct.url, layers=["ollama"])
    assert {one.labels["layer"] for one in series(reading, "added_s")} == {"gateway"}
    assert not series(reading, "queue_s")
    assert reading.samples[0].basis == "model sha256abcdef, Ollama 0.30.1"


def test_shorter_answers_are_not_compared_with_whole_ones() -> None:
    with stack(chat(), gateway=stream("stop")) as urls:
        assert ask("latency", **urls).samples[0].basis.endswith("short answers")


def test_evidence_of_the_gateway_alone_is_enough() -> None:
    with stack(chat()) as urls:
        raws = collect("latency", **urls)
    assert [raw.name for raw in raws] == ["latency.json", "latency-layers.json"]
    assert len(series(replay("latency", raws), "added_s")) == 4
    alone = replay("latency", raws[:1])
    assert (alone.facts["answered"], series(alone, "added_s"), alone.samples[0].basis) == (True, [], "")


def test_a_silent_ollama_leaves_time_for_the_gateway() -> None:
    with serving(Talk.hang) as direct, serving(stream()) as gateway:
        reading = ask("latency", seconds=1.0, url=gateway.url, ollama_url=direct.url, layers=["ollama"])
    assert (reading.facts["answered"], value(reading, "layer_answered", layer="ollama")) == (True, 0)
