"""The canary: where a question stops, how its answer flows, and when opskit itself is in the way. Over real sockets."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.probes.alone import alone
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.registry import probe
from tests.probes.asking import NOW, ask, checked, collect, make, replay
from tests.probes.lines import moment
from tests.probes.server import Script, Talk, answer, refused_port, serving
from tests.probes.test_fuzz import HARMS

SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
LINES = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"
GAP_S = 0.02
MADE = {"done": True, "done_reason": "length", "load_duration": 50_000_000, "eval_count": 8}


def event(finish: object = None, **delta: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"


WORD = event(content="one ")
END = event("length")
WHOLE = SSE + WORD * 8 + END + DONE


def paced(head: bytes, piece: bytes, tail: bytes, pieces: int = 8, wait_s: float = 0.0) -> Script:
    """A stream, word by word; `wait_s` is a queue in front of it."""

    def script(talk: Talk) -> None:
        talk.hear()
        talk.over.wait(wait_s)
        talk.sock.sendall(head)
        for _ in range(pieces):
            talk.over.wait(GAP_S)
            talk.sock.sendall(piece)
        talk.sock.sendall(tail)

    return script


def held(said: bytes, wait_s: float) -> Script:
    """All of it at once, after a while."""

    def script(talk: Talk) -> None:
        talk.hear()
        talk.over.wait(wait_s)
        talk.sock.sendall(said)

    return script


def hanging(said: bytes) -> Script:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(said)
        talk.hang()

    return script


FLOWING = paced(SSE, WORD, END + DONE)


def lines(*items: dict[str, object]) -> bytes:
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


SAID: dict[str, object] = {"message": {"content": "one "}, "done": False}


def ollama(chat: bytes | Callable[[Talk], None] | None = None) -> Script:
    """An Ollama that answers the question like this, and knows nothing else."""

    def script(talk: Talk) -> None:
        question = talk.hear()
        if b" /api/chat " not in question:
            talk.sock.sendall(answer(body='{"models": []}'))
        elif callable(chat):
            chat(talk)
        else:
            talk.sock.sendall(chat if chat is not None else LINES + lines(*[SAID] * 8, MADE))

    return script


def speaking(talk: Talk) -> None:
    """Ollama, word by word."""
    talk.sock.sendall(LINES)
    for _ in range(8):
        talk.over.wait(GAP_S)
        talk.sock.sendall(lines(SAID))
    talk.sock.sendall(lines(MADE))


Said = Script | bytes | None


def walk(nginx: Said, gateway: Said = None, direct: Said = None, seconds: float = 2.8, **given: Any) -> Reading:
    """Ask a stack; None is a part that is not there."""
    with ExitStack() as stack:

        def at(said: Said) -> str:
            if said is None:
                return f"http://127.0.0.1:{refused_port()}"
            return stack.enter_context(serving(said)).url

        urls = {"nginx_url": at(nginx), "gateway_url": at(gateway), "ollama_url": at(direct)}
        return ask("canary", seconds, **{**urls, **given})


def some(reading: Reading, *names: str) -> tuple[object, ...]:
    return tuple(reading.facts[name] for name in names)


ANSWERS = ("answered", "seen", "nginx_answered", "gateway_answered", "ollama_answered")


def test_a_whole_answer_through_nginx_came_through_everything() -> None:
    reading = walk(WHOLE)
    assert some(reading, *ANSWERS) == (True,) * 5
    assert some(reading, "nginx_began", "gateway_began", "ollama_began", "nginx_status") == (True, True, True, 200)
    assert some(reading, "unended", "silent", "only_thoughts", "overlong", "retry_after") == (False,) * 5
    assert reading.facts["refused_fast_status"] == 0
    assert reading.facts["first_token_s"] is not None
    assert reading.facts["total_s"] is not None
    assert reading.facts["load_s"] == 0
    assert "HTTP 200, first word after" in reading.evidence["nginx_answered"][0].text


def test_the_layer_where_it_stops_is_found() -> None:
    assert some(walk(None, WHOLE), *ANSWERS) == (False, True, False, True, True)
    bad = answer("502 Bad Gateway", "<html>502</html>")
    assert some(walk(bad, None, ollama()), *ANSWERS) == (False, True, False, False, True)
    reading = walk(bad, answer("503 No", '{"error":"no"}'), None)
    assert some(reading, *ANSWERS) == (False, False, False, False, False)
    assert some(reading, "nginx_status", "gateway_status", "ollama_status") == (502, 503, None)
    assert "refused" in str(reading.evidence["ollama_answered"][0].text)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("llama runner process has terminated: cudaMalloc failed: out of memory", True),
        ("model requires more system memory (21.2 GiB) than is available (9.8 GiB)", False),
        ("model 'qwen3:32b' not found", False),
        ("llama runner process has terminated: signal: aborted (core dumped)", False),
    ],
)
def test_what_ollama_says_of_the_cards_memory_counts_at_once(error: str, expected: bool) -> None:
    said = answer("500 Internal Server Error", json.dumps({"error": error}), "Content-Type: application/json\r\n")
    reading = walk(None, None, ollama(said))
    assert reading.facts["vram_oom"] is expected
    assert error in reading.evidence["vram_oom"][0].text
    assert walk(WHOLE).facts["vram_oom"] is None


def test_two_opskits_never_ask_at_once() -> None:
    present, most = 0, 0

    def counted(talk: Talk) -> None:
        nonlocal present, most
        present += 1
        most = max(most, present)
        held(WHOLE, 0.4)(talk)
        present -= 1

    with serving(counted) as nginx, ThreadPoolExecutor(2) as pool:
        urls = {"nginx_url": nginx.url, "gateway_url": "", "ollama_url": ""}
        both = [pool.submit(ask, "canary", 2.8, **urls) for _ in range(2)]
        assert [one.result().facts["answered"] for one in both] == [True, True]
    assert most == 1


def test_whoever_would_have_to_wait_too_long_asks_nothing() -> None:
    with serving(WHOLE) as nginx, alone(f"canary {nginx.url} ", Deadline(1), 0):
        with pytest.raises(ProbeError, match="another opskit asks"):
            ask("canary", 1.6, nginx_url=nginx.url, gateway_url="", ollama_url="")
        assert nginx.heard == []
    assert walk(WHOLE).facts["answered"] is True


def test_a_part_without_an_address_is_passed_over() -> None:
    reading = walk(None, WHOLE, nginx_url="")
    assert some(reading, *ANSWERS) == (True, True, None, True, True)
    assert some(walk(None, None, ollama(), nginx_url="", gateway_url=""), *ANSWERS) == (None, True, None, None, True)
    blank = msgspec.convert({"stack": {"nginx": {"url": ""}, "gateway": {"url": ""}}}, Settings)
    args = probe("canary").defaults(blank)
    assert (args.nginx_url, args.gateway_url) == ("", "")


@pytest.mark.parametrize(
    "said",
    [
        answer("301 Moved", headers="Location: https://chat.example.test/\r\n"),
        answer("404 Not Found", "<html>nothing here</html>"),
        answer("405 Not Allowed"),
        answer("200 OK", "<html>Welcome</html>", "Content-Type: text/html; charset=utf-8\r\n"),
        answer("400 Bad Request", "<html>No required SSL certificate was sent</html>"),
    ],
)
def test_a_door_to_something_else_says_nothing_of_the_users_way(said: bytes) -> None:
    assert some(walk(said, WHOLE), *ANSWERS) == (True, True, None, True, True)
    # At the gateway as well: it may be one that has no such route at all.
    assert some(walk(said, said, ollama()), *ANSWERS) == (None, True, None, None, True)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "429 Too Many Requests"])
def test_opskit_being_turned_away_says_nothing_of_users(status: str) -> None:
    said = answer(status, '{"error":"not you"}', "Retry-After: 60\r\n")
    reading = walk(said, WHOLE, ollama())
    assert some(reading, *ANSWERS) == (None, True, None, None, True)
    assert reading.facts["retry_after"] is True
    assert "opskit" in str(reading.reason("nginx_answered")) or "key" in str(reading.reason("nginx_answered"))
    assert some(walk(None, said, ollama()), *ANSWERS) == (False, True, False, None, True)
    assert walk(said, nginx_url="", gateway=said, direct=None).facts["seen"] is False


def test_a_model_that_is_missing_is_no_missing_route() -> None:
    said = answer("404 Not Found", '{"error":"model \\"qwen3:32b\\" not found"}')
    assert some(walk(said, said, said), *ANSWERS) == (False,) * 5


@pytest.mark.parametrize(
    "said",
    [
        Talk.hang,
        hanging(b"HTTP/1.1 200 OK\r\nContent-Ty"),
        hanging(SSE),
        hanging(SSE + WORD),
        lambda talk: talk.sock.close(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + WORD,
        b"SSH-2.0-OpenSSH_9.6\r\n",
        answer(),
        SSE + WORD + b'data: {"error": {"message": "runner has died"}}\n\n',
        SSE + WORD,
    ],
)
def test_what_breaks_off_or_hangs_is_no_answer(said: Said) -> None:
    reading = walk(said, said, None, seconds=0.2)
    assert some(reading, "answered", "seen", "nginx_answered") == (False, False, False)
    assert str(reading.reason("total_s"))


def test_a_gateway_that_answers_in_one_piece_is_one() -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "one two"}, "finish_reason": "length"}
    whole = answer(body=json.dumps({"choices": [choice]}, indent=1))
    reading = walk(None, whole)
    assert some(reading, "gateway_answered", "gateway_held_back", "silent", "unended") == (True, False, False, False)


def test_an_end_without_a_mark_is_an_end() -> None:
    assert walk(SSE + WORD * 8 + END).facts["answered"] is True


def test_thoughts_that_used_up_the_tokens_are_no_silence() -> None:
    for end in (END, event("stop"), b""):
        reading = walk(None, SSE + end + DONE, ollama())
        assert some(reading, "gateway_answered", "gateway_began", "silent") == (None, None, None)
        assert some(reading, "seen", "ollama_answered") == (True, True)


def test_ollama_that_ends_without_a_word_is_silent() -> None:
    empty = SSE + event("stop") + DONE
    mute = LINES + lines({"message": {"content": ""}, "done": True, "done_reason": "stop", "eval_count": 0})
    assert some(walk(empty, empty, ollama(mute)), "silent", "seen") == (True, False)
    spent = LINES + lines({"message": {"content": ""}, "done": True, "done_reason": "length", "eval_count": 8})
    assert walk(empty, empty, ollama(spent)).facts["silent"] is True  # it was asked not to think


def test_only_thoughts_are_told_from_words() -> None:
    thoughts = SSE + event(reasoning="hm") * 8 + END + DONE
    assert some(walk(thoughts), "only_thoughts", "answered") == (True, True)
    assert walk(SSE + event(reasoning="hm") * 7 + WORD + END + DONE).facts["only_thoughts"] is False
    thinking: dict[str, object] = {"message": {"thinking": "hm"}, "done": False}
    direct = ollama(LINES + lines(*[thinking] * 8, MADE))
    assert walk(None, None, direct).facts["only_thoughts"] is True


# How the stream flows


def test_a_layer_that_holds_a_flowing_stream_back_is_found() -> None:
    at_once = held(WHOLE, 0.25)
    reading = walk(at_once, FLOWING)
    assert some(reading, "nginx_held_back", "gateway_held_back", "answered") == (True, False, True)
    reading = walk(at_once, at_once, ollama(speaking))
    assert some(reading, "nginx_held_back", "gateway_held_back") == (False, True)
    assert walk(FLOWING).facts["nginx_held_back"] is False


def test_a_queue_in_front_of_a_fast_stream_holds_nothing_back() -> None:
    fast = held(WHOLE, 0.3)  # eight words in a moment, after a wait
    assert walk(fast, WHOLE).facts["nginx_held_back"] is False
    assert walk(None, fast, ollama()).facts["gateway_held_back"] is False
    assert walk(paced(SSE, WORD, END + DONE, wait_s=0.7), FLOWING).facts["nginx_held_back"] is False


def test_words_that_come_together_are_noticed_whatever_is_seen_behind() -> None:
    assert walk(held(WHOLE, 0.3), Talk.hang, seconds=1.2).facts["nginx_pressed"] is True
    assert walk(FLOWING, WHOLE).facts["nginx_pressed"] is False
    assert walk(answer(body="{}"), None).facts["nginx_pressed"] is False


def test_a_silent_layer_in_front_of_a_speaking_one_may_stand_in_a_queue() -> None:
    reading = walk(None, Talk.hang, ollama(speaking), seconds=1.2, nginx_url="")
    assert some(reading, "gateway_held_back", "answered", "seen") == (False, False, True)


def test_words_that_still_come_when_the_time_is_over_are_neither_an_answer_nor_none() -> None:
    slow = paced(SSE, WORD, b"", pieces=400)
    reading = walk(slow, slow, None, seconds=0.4)
    assert some(reading, "answered", "seen", "nginx_began", "unended") == (None, None, True, False)
    stopped = hanging(SSE + WORD * 4)
    assert some(walk(stopped, None, None, seconds=0.6), "answered", "seen", "nginx_began") == (False, False, True)


def test_an_answer_beyond_its_limit_is_overlong_where_ollama_itself_makes_it() -> None:
    many = paced(SSE, WORD * 4, b"", pieces=100)
    endless: dict[str, object] = {"message": {"content": "one "}, "done": False}
    reading = walk(many, many, ollama(hanging_lines(lines(*[endless] * 30))), seconds=1.0)
    assert reading.facts["overlong"] is True
    # A gateway that does not pass the limit on is no model that runs away.
    assert some(walk(many, many, ollama(), seconds=0.9), "overlong", "seen") == (False, True)
    assert walk(SSE + WORD * 40 + event("stop") + DONE).facts["overlong"] is None


def hanging_lines(said: bytes) -> Callable[[Talk], None]:
    def script(talk: Talk) -> None:
        talk.sock.sendall(LINES + said)
        talk.hang()

    return script


def test_a_stream_that_is_kept_open_behind_its_last_word_is_unended() -> None:
    open_end = hanging(SSE + WORD * 8 + event("stop"))
    reading = walk(None, open_end, ollama(), nginx_url="")
    assert some(reading, "unended", "answered", "gateway_began") == (True, False, True)
    # Nobody waited long enough to say so.
    assert walk(open_end, None, None, seconds=0.3).facts["unended"] is None


@pytest.mark.parametrize("odd", ["null", "", "eos", 7, True, {"a": 1}, "x" * 5000])
def test_a_gateway_that_writes_an_odd_reason_into_every_event_is_heard_to_the_end(odd: object) -> None:
    said = SSE + event(odd, content="one ") * 8 + END + DONE
    reading = walk(said)
    assert some(reading, "answered", "unended") == (True, False)


# Refusals


@pytest.mark.parametrize(
    ("said", "fast"),
    [
        ('{"error":"the model is temporarily unavailable, please try again later"}', 503),
        ('{"error":"circuit breaker is open: connection refused"}', 503),
        ('{"error":"dial tcp 127.0.0.1:11435: connect: connection refused"}', 0),
        ('{"error":"server busy, please try again. maximum pending requests exceeded"}', 0),
        ('{"error":"getaddrinfo ENOTFOUND ollama"}', 0),
        ('{"error":"llama runner process has terminated: CUDA error"}', 0),
    ],
)
def test_a_fast_refusal_counts_where_it_does_not_speak_of_the_model_server(said: str, fast: int) -> None:
    reading = walk(answer("502 Bad"), answer("503 No", said, "Retry-After: 9\r\n"), ollama())
    assert some(reading, "refused_fast_status", "retry_after", "ollama_answered") == (fast, True, True)
    assert reading.facts["load_s"] == 0.05


def test_nginxs_own_refusal_and_bursts_are_not_the_gateways() -> None:
    assert walk(answer("502 Bad"), None, ollama(), gateway_url="").facts["refused_fast_status"] is None
    reading = walk(held(WHOLE, 0.25), None, ollama(speaking), gateway_url="")
    assert some(reading, "gateway_held_back", "refused_fast_status") == (False, 0)


def test_a_slow_refusal_may_have_asked_the_model() -> None:
    assert walk(None, held(answer("500 Oops", "x"), 0.4), ollama()).facts["refused_fast_status"] == 0


# Keys, logs, words of others


def test_the_key_goes_along_and_neither_it_nor_an_answer_is_kept(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k3y-0123456789")
    said = answer("500 Oops", '{"error":"k3y-0123456789 sk-abcdefgh12345678 password=hunter22"}',
                  "Retry-After: sk-abcdefgh12345678\r\nX-More: hunter22\r\n")  # fmt: skip
    heard = list[bytes]()

    def gateway(talk: Talk) -> None:
        heard.append(talk.hear())
        talk.sock.sendall(said)

    with serving(said) as nginx, serving(gateway) as inner:
        (raw,) = collect(
            "canary", nginx_url=nginx.url, gateway_url=inner.url, api_key_file=str(tmp_path / "key"), key_header="X-K"
        )
    assert b"\r\nX-K: k3y-0123456789\r\n" in heard[0]
    assert b"\r\nX-Request-Id: opskit-" in heard[0]
    for secret in (b"k3y-0123456789", b"sk-abcdefgh", b"hunter22"):
        assert secret not in raw.data


def test_a_key_that_cannot_be_read_is_named_where_it_is_wanted(tmp_path: Path) -> None:
    reading = walk(answer("401 No"), None, ollama(), api_key_file=str(tmp_path / "none"))
    assert "No such file" in str(reading.reason("nginx_answered"))
    assert walk(WHOLE, api_key_file=str(tmp_path / "none")).facts["answered"] is True


def test_the_gateways_log_may_name_the_question_and_proves_nothing_by_silence(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_text("")

    def nginx(talk: Talk) -> None:
        name = talk.hear().partition(b"X-Request-Id: ")[2].split(b"\r")[0].decode()
        record = {"time": moment(0).isoformat(), "event": "request.start", "request_id": name, "prompt": "hunter22"}
        log.write_text(json.dumps(record) + "\n")
        talk.sock.sendall(WHOLE)

    reading = walk(nginx, log=str(log))
    assert reading.facts["reached_gateway"] is True
    assert "request.start" in reading.evidence["reached_gateway"][0].text
    assert "hunter22" not in reading.evidence["reached_gateway"][0].text
    assert walk(WHOLE, log=str(log)).facts["reached_gateway"] is None
    assert walk(WHOLE, log=str(tmp_path / "none")).facts["reached_gateway"] is None


def test_no_two_questions_are_asked_at_once_and_the_whole_keeps_its_time() -> None:
    deadline = Deadline(0.5)
    with serving(Talk.hang) as silent:
        found, args = make("canary", nginx_url=silent.url, gateway_url=silent.url, ollama_url=silent.url)
        raws = found.collect(args, deadline)
    told = json.loads(raws[0].data)
    asked = [told[layer]["exchange"]["failure"]["kind"] for layer in ("nginx", "gateway", "ollama")]
    assert asked == ["timeout"] * 3
    assert checked(found, found.read(raws, args, NOW)).facts["seen"] is False


def test_an_address_that_is_none_is_said() -> None:
    with pytest.raises(ProbeError, match="not an http"):
        collect("canary", nginx_url="gate:80")


# Evidence from elsewhere


def test_evidence_of_little_is_read() -> None:
    facts = replay("canary", (Raw("canary.json", b"{}", "x"),)).facts
    assert {fact for fact in facts.values() if fact is not None} <= {False}
    exchange = {"url": "http://g/", "status": 200}
    asked = {"exchange": exchange, "chunks": 3, "first_token_s": None, "done": True, "with_key": False}
    data = json.dumps({"nginx": asked, "gateway": asked, "ollama": {"exchange": exchange, "told": {}}}).encode()
    assert replay("canary", (Raw("canary.json", data, "x"),)).facts["nginx_answered"] is True


def test_damaged_evidence_is_read_or_refused() -> None:
    with serving(answer("502 x")) as a, serving(FLOWING) as b, serving(ollama(speaking)) as c:
        (raw,) = collect("canary", nginx_url=a.url, gateway_url=b.url, ollama_url=c.url)
    found, args = make("canary")
    chance = random.Random(5)
    for harm in HARMS:
        for _ in range(40):
            damaged = msgspec.structs.replace(raw, data=harm(raw.data, chance))
            try:
                checked(found, found.read((damaged,), args, NOW))
            except ProbeError:
                continue


MENDED = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("gateway", "astray", "alone"),
    [
        (answer("502 Bad Gateway", '{"error": "bad gateway"}'), False, True),
        (MENDED.encode() + b'{"error": {"message": "database is locked"}}', False, True),
        (SSE + WORD * 3, False, True),
        (b"", False, True),
        (answer("503 Service Unavailable", "circuit breaker open"), False, False),
        (answer("502 Bad Gateway", "dial tcp: connection refused"), False, False),
        (answer("404 Not Found", "404 page not found"), True, False),
        (answer("404 Not Found", "model 'x' not found"), False, False),
        (b"SSH-2.0-OpenSSH_9.6\r\n", True, False),
        (WHOLE, False, False),
    ],
)
def test_a_gateway_that_fails_by_itself_is_told_from_another_program(gateway: bytes, astray: bool, alone: bool) -> None:
    reading = walk(answer("502 Bad Gateway", "<html>"), gateway, ollama())
    assert some(reading, "gateway_astray", "failed_alone") == (astray, alone)


def test_what_nginx_does_not_bring_to_the_gateway_is_astray() -> None:
    assert walk(answer("404 Not Found", "no"), WHOLE, ollama()).facts["nginx_astray"] is True
    assert walk(answer("404 Not Found", "no"), answer("500 Oh", "no"), ollama()).facts["nginx_astray"] is False
    assert walk(answer("403 Forbidden", "no"), WHOLE, ollama()).facts["nginx_astray"] is None
    assert walk(FLOWING, WHOLE, ollama()).facts["nginx_astray"] is False
