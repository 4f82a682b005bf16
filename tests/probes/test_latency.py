"""The standard question: answered, broken, or never really asked because opskit itself was turned away."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opskit.model.reading import Reading
from tests.probes.asking import ask, collect, series, value
from tests.probes.server import Server, Talk, answer, refused_port, serving

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def event(**delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode() + b"\n\n"


WORDS = event(role="assistant", content="") + event(content="one") + event(content=" two")


def question(server: Server) -> dict[str, object]:
    found: dict[str, object] = json.loads(server.heard[0].partition(b"\r\n\r\n")[2])
    return found


def broken(reading: Reading) -> str:
    """Insist on "no answer", and return why."""
    assert (reading.facts["answered"], reading.facts["seen"], value(reading, "answered")) == (False, False, 0)
    assert not series(reading, "total_s")
    return str(reading.reason("answered"))


def turned_away(reading: Reading) -> str:
    """Insist on "could not tell", and return why."""
    assert (reading.facts["answered"], reading.facts["seen"], value(reading, "answered")) == (None, False, None)
    return str(reading.reason("answered"))


def test_a_whole_stream_is_an_answer() -> None:
    with serving(HEAD + WORDS + DONE) as server:
        reading = ask("latency", url=server.url + "/v1/chat/completions")
    assert (reading.facts["answered"], reading.facts["seen"], reading.facts["chunks"]) == (True, True, 2)
    assert value(reading, "first_token_s") == reading.facts["first_token_s"]
    assert series(reading, "total_s")[0].unit == "s"
    assert not reading.why


def test_the_question_neither_reloads_nor_pins_the_model() -> None:
    with serving(HEAD + WORDS + DONE) as server:
        ask("latency", url=server.url, model="qwen3:32b", max_tokens=7)
        asked = question(server)
        head = server.heard[0].partition(b"\r\n\r\n")[0]
    allowed = {"model", "messages", "max_tokens", "temperature", "seed", "stream", "think"}
    assert set(asked) == allowed
    assert (asked["model"], asked["max_tokens"], asked["stream"], asked["think"]) == ("qwen3:32b", 7, True, False)
    assert b"\r\nX-Request-Id: opskit-" in head
    assert b"X-Api-Key" not in head


def test_no_two_questions_are_the_same() -> None:
    with serving(HEAD + WORDS + DONE) as server:
        for _ in range(2):
            ask("latency", url=server.url)
        first, second = (json.loads(heard.partition(b"\r\n\r\n")[2])["messages"] for heard in server.heard)
    assert first != second


def test_the_first_token_comes_after_the_first_byte() -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(HEAD + event(role="assistant", content=""))
        talk.over.wait(0.2)
        talk.sock.sendall(event(content="one") + DONE)

    with serving(script) as server:
        (raw,) = collect("latency", url=server.url)
    found = json.loads(raw.data)
    assert found["first_token_s"] > found["exchange"]["phases"]["first_byte_s"] + 0.1
    assert found["exchange"]["body"] == ""


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content", "thinking"])
def test_thinking_is_a_sign_of_life_too(field: str) -> None:
    with serving(HEAD + event(**{field: "hmm"}) + DONE) as server:
        assert ask("latency", url=server.url).facts["answered"] is True


def test_comments_and_odd_lines_in_a_stream_are_passed_over() -> None:
    noise = b": ping\n\nevent: x\nid: 5\ndata: {broken\n\ndata: 17\n\ndata: \xff\xfe\n\n" + b"data: [1]\n\n"
    with serving(HEAD + noise + WORDS.replace(b"\n", b"\r\n") + DONE) as server:
        assert ask("latency", url=server.url).facts["chunks"] == 2


@pytest.mark.parametrize("indent", [None, 2])
def test_an_answer_without_a_stream_is_an_answer(indent: int | None) -> None:
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "one two"}}], "usage": {}}
    with serving(answer(body=json.dumps(whole, indent=indent))) as server:
        reading = ask("latency", url=server.url)
    assert (reading.facts["answered"], reading.facts["chunks"]) == (True, 1)


def test_a_stream_without_its_end_mark_is_no_answer() -> None:
    with serving(HEAD + WORDS) as server:
        assert "broke off after 2 chunks" in broken(ask("latency", url=server.url))


def test_a_good_status_without_a_word_is_no_answer() -> None:
    for said in (HEAD + DONE, HEAD + event(content="") + DONE, answer(), answer(body="<html>welcome</html>")):
        with serving(said) as server:
            assert "200 without a word" in broken(ask("latency", url=server.url))


@pytest.mark.parametrize(
    "said",
    [{"error": {"message": "runner has died"}}, {"error": "runner has died", "choices": None}, {"error": ["has died"]}],
)
def test_an_error_inside_a_good_stream_is_no_answer(said: object) -> None:
    with serving(HEAD + WORDS + b"data: " + json.dumps(said).encode() + b"\n\n" + DONE) as server:
        assert "has died" in broken(ask("latency", url=server.url))


def test_a_server_error_is_no_answer_and_its_text_is_shown() -> None:
    with serving(answer("503 Service Unavailable", '{"error":"Ollama is busy"}')) as server:
        said = broken(ask("latency", url=server.url))
    assert "503" in said
    assert "Ollama is busy" in said


def test_refusal_and_silence_are_told_apart() -> None:
    refused = ask("latency", url=f"http://127.0.0.1:{refused_port()}/")
    assert (refused.facts["refused"], refused.facts["timed_out"]) == (True, False)
    assert "nothing listens" in broken(refused)

    def script(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(HEAD + WORDS)
        talk.hang()

    with serving(script) as server:
        stuck = ask("latency", 0.3, url=server.url)
    assert (stuck.facts["refused"], stuck.facts["timed_out"], stuck.facts["chunks"]) == (False, True, 2)
    assert "stuck at: read the answer of" in broken(stuck)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("401 Unauthorized", "none is configured: set stack.gateway.api_key_file"),
        ("403 Forbidden", "not on the list"),
        ("429 Too Many Requests", "a key of its own with a higher limit"),
    ],
)
def test_whoever_is_turned_away_says_nothing_about_users(status: str, words: str) -> None:
    with serving(answer(status, '{"error":"not on the list"}')) as server:
        assert words in turned_away(ask("latency", url=server.url))


def test_a_wrong_key_is_sent_and_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("wrong-key-0123\n")
    with serving(answer("401 Unauthorized", '{"error":"invalid api key"}')) as server:
        reading = ask("latency", url=server.url, api_key_file=str(tmp_path / "key"), key_header="X-Gate-Key")
        assert b"\r\nX-Gate-Key: wrong-key-0123\r\n" in server.heard[0]
    assert f"check the key in {tmp_path}/key" in turned_away(reading)


def test_a_key_that_cannot_be_read_is_the_reason_of_a_refusal(tmp_path: Path) -> None:
    with serving(answer("401 Unauthorized")) as server:
        reading = ask("latency", url=server.url, api_key_file=str(tmp_path / "missing"))
    assert "No such file" in turned_away(reading)


def test_where_no_key_is_wanted_a_missing_key_file_does_not_matter(tmp_path: Path) -> None:
    with serving(HEAD + WORDS + DONE) as server:
        assert ask("latency", url=server.url, api_key_file=str(tmp_path / "missing")).facts["answered"] is True


def test_neither_key_nor_answer_get_into_the_evidence(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k3y-0123456789")
    with serving(answer("500 Oops", '{"error":"key sk-abcdefgh12345678 and password=hunter22"}')) as server:
        (raw,) = collect("latency", url=server.url, api_key_file=str(tmp_path / "key"))
    for secret in (b"k3y-0123456789", b"sk-abcdefgh", b"hunter22"):
        assert secret not in raw.data


def test_a_gateway_that_names_the_key_it_refuses_does_not_tell_it_on(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2-plain")
    with serving(answer("403 Forbidden", "hunter2-plain is not allowed here")) as server:
        raws = collect("latency", url=server.url, api_key_file=str(tmp_path / "key"))
    assert b"hunter2-plain" not in raws[0].data
    assert b"is not allowed here" in raws[0].data


def test_the_reason_of_the_end_is_an_end_without_an_end_mark() -> None:
    end = b'data: {"choices": [{"delta": {}, "finish_reason": "length"}]}\n\n'
    with serving(HEAD + WORDS + end) as server:
        assert ask("latency", url=server.url).facts["answered"] is True
    chunked = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked") + b"%x\r\n%b\r\n" % (
        len(WORDS + end),
        WORDS + end,
    )
    with serving(chunked) as server:  # cut off behind it: what else was to come nobody knows
        assert ask("latency", url=server.url).facts["answered"] is False
