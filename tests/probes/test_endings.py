"""How users' newest requests end: kinds, recovery, limits, and who hung up, by the logs of gateway and Nginx."""

from __future__ import annotations

import json

import pytest

from opskit.model.reading import Reading
from opskit.probes.base import ProbeError
from tests.probes.asking import reason
from tests.probes.joined import NOBODY, Told, reading
from tests.probes.lines import access, end, moment, start

KINDS = (
    *("empty", "unspoken", "cut", "left", "forbidden", "too_long", "no_model", "no_route", "bad", "down", "name"),
    *("late", "busy", "breaker", "broken"),
)


def told(gateway: Told, nginx: Told = NOBODY) -> Reading:
    return reading("endings", {"gateway": gateway, "nginx": nginx})


def kinds(gateway: bytes, nginx: Told = NOBODY) -> dict[str, object]:
    facts = told(gateway, nginx).facts
    return {name: facts[name] for name in KINDS if facts[name]}


def some(
    count: int, status: int, error: str | None = None, *, since: float = 100, ms: int = 40, **more: object
) -> bytes:
    """Requests that ended alike, five seconds after each other."""
    fields = {"ms": ms, "error": error, **more}
    return b"".join(end(since - 5 * n, f"{status}-{since}-{n}", status, **fields) for n in range(count))  # type: ignore[arg-type]


def good(count: int, since: float = 300, **more: object) -> bytes:
    return some(count, 200, since=since, ms=900, **{"completion_tokens": 40, "prompt_tokens": 9, **more})


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        # Go, Python, Node, Envoy, litellm, OpenAI and one-api
        (502, "dial tcp 127.0.0.1:11435: connect: connection refused", "down"),
        (500, "litellm.APIConnectionError: Cannot connect: [Errno 111] Connection refused", "down"),
        (502, "connect ECONNREFUSED 127.0.0.1:11434", "down"),
        (500, "请求失败: 连接被拒绝", "down"),
        (502, "dial tcp: lookup ollama on 127.0.0.53:53: no such host", "name"),
        (500, "getaddrinfo EAI_AGAIN ollama", "name"),
        (504, "context deadline exceeded", "late"),
        (408, "litellm.Timeout: APITimeoutError - Request timed out", "late"),
        (500, "上游请求超时", "late"),
        (503, "server busy, please try again. maximum pending requests exceeded", "busy"),
        (503, "circuit breaker open", "breaker"),
        (429, "No deployments available for selected model, Try again in 5 s. cooldown_list=[..]", "breaker"),
        (503, "no healthy upstream", "breaker"),
        (500, "unexpected KeyError", "broken"),
        (502, None, "broken"),
        (404, 'model "qwen3:14b" not found, try pulling it first', "no_model"),
        (404, "The model `gpt-5` does not exist or you do not have access to it.", "no_model"),
        (400, "/chat/completions: Invalid model name passed in model=foo.", "no_model"),
        (404, None, "no_route"),
        (405, "Method Not Allowed", "no_route"),
        (400, "prompt too long, max 32768 chars", "too_long"),
        (400, "This model's maximum context length is 8192 tokens.", "too_long"),
        (413, None, "too_long"),
        (422, "提示词过长", "too_long"),
        (400, "messages: field required", "bad"),
        (400, "max_tokens is too large: 100000", "bad"),
        (400, "model qwen3:32b: parameter logit_bias is not supported", "bad"),
        (403, "your ip is not allowed", "forbidden"),
        (499, None, "left"),
        (502, "http: proxy error: context canceled", "left"),
        (200, "client disconnected", "left"),
        (200, "[Errno 32] Broken pipe", "left"),
        (200, "stream broke off: ReadTimeout", "cut"),
    ],
)
def test_statuses_and_words_of_many_gateways_name_the_kind(status: int, error: str | None, kind: str) -> None:
    assert kinds(some(3, status, error)) == {kind: 3}


@pytest.mark.parametrize("words", ["-", "none", "null", "<nil>", "ok", " "])
def test_what_loggers_write_for_no_error_is_none(words: str) -> None:
    assert kinds(some(4, 200, words, ms=5000)) == {}


@pytest.mark.parametrize(("status", "kind"), [(401, {}), (429, {}), (302, {}), (101, {})])
def test_statuses_that_are_counted_elsewhere_or_say_nothing_are_no_kind_of_failure(status: int, kind: object) -> None:
    assert kinds(some(5, status)) == kind


def test_an_end_without_a_status_goes_by_its_words_or_says_nothing() -> None:
    record = {"event": "request.end", "request_id": "a", "error": "connection refused"}
    lines = [json.dumps({"time": moment(9 - n).isoformat(), **record, "request_id": str(n)}) for n in range(3)]
    assert kinds("\n".join(lines).encode()) == {"down": 3}
    assert kinds("\n".join(lines).replace("connection refused", "").encode()) == {}


def test_a_slow_failure_without_a_word_was_waited_for_and_one_that_had_begun_was_cut() -> None:
    assert kinds(some(3, 502, ms=3000)) == {"late": 3}
    assert kinds(some(3, 504, ms=3000, first_token_ms=200)) == {"cut": 3}


def test_pairs_and_nginx_as_a_gateway_are_understood() -> None:
    pairs = "".join(
        f"time={moment(50 - n).isoformat()} level=info msg=request request_id=r{n} status=502 latency_ms=12 "
        f'error="dial tcp 10.0.0.9:11434: connect: connection refused" error_type=none\n'
        for n in range(4)
    )
    assert kinds(pairs.encode()) == {"down": 4}
    quiet = "".join(
        json.dumps({"time_iso8601": moment(50 - n).isoformat(), "status": 504, "request_time": 60.001,
                    "request": "POST /v1/chat/completions HTTP/1.1", "upstream_header_time": "-"}) + "\n"
        for n in range(4)
    )  # fmt: skip
    assert kinds(quiet.encode()) == {"late": 4}


def test_looks_at_the_service_and_other_work_are_no_questions() -> None:
    log = some(20, 200, since=120, method="GET", path="/health") + some(5, 404, method="GET", path="/wp-login.php")
    log += some(5, 200, path="/v1/embeddings", completion_tokens=0, prompt_tokens=5) + some(3, 404, path="/v1/models")
    facts = told(log + some(3, 502, "connection refused", since=110, path="/v1/chat/completions")).facts
    assert (facts["ended"], facts["down"], facts["no_route"], facts["empty"]) == (3, 3, 0, 0)


def test_two_lines_about_one_request_are_one_request() -> None:
    audit = good(4) + some(4, 502, "connection refused", since=100)
    bare = b"".join(
        json.dumps({**json.loads(line), "error": None, "completion_tokens": None, "user_id": None}).encode() + b"\n"
        for line in audit.splitlines()
    )
    assert kinds(audit + bare) == {"down": 4}
    assert told(audit + bare).facts["ended"] == 8


# Recovery


def test_a_failure_is_over_when_enough_good_answers_followed() -> None:
    bad = some(5, 502, "connection refused", since=200)
    assert kinds(bad) == {"down": 5}
    assert kinds(bad + good(1, since=50)) == {"down": 5}
    assert kinds(bad + good(2, since=50)) == {}
    rare = b"".join(good(4, since=580 - 30 * n) + some(1, 502, "EOF", since=559 - 30 * n) for n in range(4))
    assert kinds(rare + good(3, since=40)) == {"broken": 4}
    assert kinds(rare + good(16, since=90)) == {}


def test_a_breaker_that_opens_does_not_mend_what_opened_it() -> None:
    log = some(5, 502, "connection refused", since=200) + some(10, 503, "circuit breaker open", since=100)
    assert kinds(log) == {"down": 5, "breaker": 10}


def test_old_endings_and_those_beyond_the_newest_twenty_do_not_count() -> None:
    assert told(some(5, 502, "connection refused", since=5000)).facts["ended"] == 0
    assert kinds(some(5, 502, "connection refused", since=590) + some(20, 429, since=120)) == {}


# Empty and unspoken


def test_answers_without_a_token_are_empty_only_where_the_log_counts_tokens() -> None:
    empty = some(4, 200, completion_tokens=0, prompt_tokens=9)
    assert kinds(good(4) + empty) == {"empty": 4}
    assert kinds(good(4, since=5000) + empty) == {"empty": 4}
    assert kinds(empty) == {}  # it may count none at all
    assert kinds(good(4) + some(4, 200, completion_tokens=0, prompt_tokens=0)) == {}
    # Of streams it knows none: clients ask now so, now otherwise.
    streams = some(4, 200, completion_tokens=0, prompt_tokens=9, stream=True)
    assert kinds(good(4, stream=False) + streams) == {}
    assert kinds(good(4, stream=True) + streams) == {"empty": 4}


def test_tokens_without_a_first_word_are_unspoken_where_the_log_tells_of_first_words() -> None:
    mute = good(4, since=100)
    assert kinds(mute) == {}
    assert kinds(good(4, first_token_ms=90) + mute) == {"unspoken": 4}
    assert kinds(good(4, first_token_ms=90, stream=True) + good(4, since=100, stream=False)) == {}


def test_answers_in_one_piece_between_streams_are_not_taken_for_unspoken_ones() -> None:
    mixed = b"".join(good(1, since=100 - n, **({"first_token_ms": 90} if n % 2 else {})) for n in range(12))
    facts = told(mixed).facts
    assert facts["unspoken"] in {0, None}
    reading_ = told(mixed + good(1, since=20))
    assert reading_.facts["unspoken"] in {0, None}


# Limits


def cut(times: list[int], error: str | None = "upstream timeout", status: int = 200, apart: float = 7) -> bytes:
    return b"".join(
        end(100 - apart * n, f"c{n}", status, ms, error=error, first_token_ms=100) for n, ms in enumerate(times)
    )


def test_cuts_after_always_the_same_time_are_a_limit() -> None:
    facts = told(cut([5003, 5001, 5010, 4990])).facts
    assert (facts["cut"], facts["cut_after_s"]) == (4, 5.0)
    assert told(cut([5003, 5001, 5010], None, 504)).facts["cut_after_s"] == 5.0


@pytest.mark.parametrize(
    ("times", "after"), [([5000, 5002, 5001, 5003], 5.0), ([4870, 4912, 4880, 4901], 4.9), ([5048, 5040, 5044], 5.04)]
)
def test_cuts_at_one_moment_are_a_limit_where_it_is_a_round_number(times: list[int], after: float) -> None:
    # A client's timer runs before the request is here; where the host is busy that shows.
    assert told(cut(times, apart=0.1)).facts["cut_after_s"] == after


@pytest.mark.parametrize(
    "log",
    [
        cut([5000, 2000, 9000, 3300]),  # they differ
        cut([5000, 5001]),  # they are few
        cut([300, 310, 305, 302]),  # nobody waits so short a time
        cut([5310, 5312, 5311, 5313], apart=0.1),  # one event: a restart, a death
        cut([4810, 4812, 4811, 4813], apart=0.1),
        cut([5060, 5062, 5061, 5063], apart=0.1),
        cut([5000, 5002, 5001], "unexpected EOF"),  # the runner dies of the same thing each time
        cut([5000, 5002, 5001], "ollama: the stream broke off"),
        cut([5000, 5002, 5001], None, 502),  # nobody says why
        cut([5000, 5002, 5001], "Verbindung beendet"),
        b"".join(end(90 - 9 * n, f"d{n}", 200, 5000, done=False) for n in range(4)),
    ],
)
def test_cuts_that_are_no_limit_of_the_gateway(log: bytes) -> None:
    facts = told(log).facts
    assert facts["cut"]
    assert facts["cut_after_s"] == 0


def test_a_client_that_the_log_says_has_left_is_no_cut() -> None:
    log = b"".join(end(90 - 9 * n, f"d{n}", 200, 5000, done=False, client_disconnected=True) for n in range(4))
    assert kinds(log) == {"left": 4}


# Who hung up


def left(times: list[int], **more: object) -> bytes:
    return b"".join(end(100 - 7 * n, f"l{n}", 499, ms, **more) for n, ms in enumerate(times))  # type: ignore[arg-type]


def beside(status: int, request: str = "POST /api/chat HTTP/1.1", **more: str) -> bytes:
    return b"".join(access(100 - 7 * n, status, request, **more) for n in range(4))


def by(gateway: bytes, nginx: Told) -> tuple[object, object]:
    facts = told(gateway, nginx).facts
    return facts["left_by"], facts["left_after_s"]


def test_who_hung_up_is_told_by_nginx() -> None:
    same = left([10_000, 10_004, 9_998, 10_001])
    assert by(same, beside(502)) == ("server", 10.0)
    assert by(same, beside(499)) == ("user", 10.0)
    assert by(left([4000, 9000, 1300, 20_000]), beside(499)) == ("user", 0)
    assert by(good(3), beside(200)) == ("", 0)
    assert by(same, NOBODY) == (None, 10.0)
    assert by(same, access(3)) == (None, 10.0)  # nothing ended at these moments
    mixed = access(100, 499) + access(93, 502) + access(86, 499) + access(79, 502)
    assert by(same, mixed)[0] is None


def test_a_person_behind_a_websocket_is_a_person() -> None:
    log = beside(101, "GET /ws HTTP/1.1") + beside(200)
    assert by(left([10_000, 10_004, 9_998, 10_001]), log)[0] == "user"


def test_whoever_asks_past_nginx_is_not_taken_for_clawdbot() -> None:
    script = left([10_000, 10_004, 9_998, 10_001], client_ip="10.0.7.7")
    assert by(script, beside(200, client="10.0.0.2"))[0] is None
    assert by(script, beside(200, client="10.0.7.7"))[0] == "server"


def test_opskits_own_hanging_up_is_nobodys() -> None:
    own = beside(499, agent="opskit")
    facts = told(left([1260, 1259, 1261, 1260]), own + beside(200)).facts
    assert (facts["ended"], facts["left_by"]) == (0, "")
    named = end(50, "opskit-1", 499, 1200, user_agent="opskit") + end(40, "x", 499, 1200, user_agent="opskit")
    assert told(named + good(2), own).facts["left"] == 0
    # A log that names opskit's requests leaves no doubt about the others.
    assert told(named + left([1260, 1259, 1261, 1260]), own).facts["left"] == 4


# What the logs tell of streams, lengths and calls


def test_whether_streams_flow() -> None:
    assert told(good(3, first_token_ms=100)).facts["flows"] is True
    assert told(good(3, first_token_ms=890)).facts["flows"] is False
    assert told(good(3)).facts["flows"] is None
    assert told(some(3, 200, ms=300, first_token_ms=10)).facts["flows"] is None  # too short to tell


def stream_lines(first: float, size: int = 9000) -> bytes:
    line = access(20, 200, "POST /v1/chat/completions HTTP/1.1").rstrip().replace(b" 200 42 ", b" 200 %d " % size)
    return b"".join(line + f" rt=2.000 uht={first:.3f}\n".encode() for _ in range(4))


def test_whether_nginx_got_streams_late() -> None:
    log = good(5, first_token_ms=90)
    assert told(log, stream_lines(1.99)).facts["front_late"] is True
    assert told(log, stream_lines(0.1)).facts["front_late"] is False
    assert told(log, stream_lines(1.99, size=300)).facts["front_late"] is None  # answers in one piece
    assert told(good(5, completion_tokens=None), stream_lines(1.99, size=300)).facts["front_late"] is None
    assert told(log, beside(200)).facts["front_late"] is None
    assert told(log, NOBODY).facts["front_late"] is None


def test_calls_for_each_message() -> None:
    messages = b"".join(access(100 - 10 * n) for n in range(5))
    assert told(good(5, since=100), messages).facts["calls_per_message"] == 1
    twice = b"".join(good(2, since=101 - 10 * n) for n in range(5))
    assert told(twice, messages).facts["calls_per_message"] == 2
    asked_again = twice + some(5, 503, "EOF", since=99)
    assert told(asked_again, messages).facts["calls_per_message"] == 2
    retries = b"".join(some(2, 503, "timed out", since=101 - 10 * n, user=f"u{n}", prompt_length=30) for n in range(5))
    assert told(retries, messages).facts["calls_per_message"] == 1
    assert (
        told(retries + retries.replace(b'": 30', b'": 300').replace(b'"503-', b'"x-'), messages).facts[
            "calls_per_message"
        ]
        == 2
    )
    assert told(good(5, since=100), access(50)).facts["calls_per_message"] is None
    assert told(twice, messages + access(9, 101, "GET /ws HTTP/1.1")).facts["calls_per_message"] is None
    scripts = b"".join(good(3, since=101 - 10 * n, client_ip="10.0.7.7") for n in range(5)) + good(5, since=99)
    assert told(scripts, messages).facts["calls_per_message"] is None


def test_lengths() -> None:
    log = some(4, 400, "prompt too long, max 8000 chars", prompt_length=9000) + good(3, prompt_length=40)
    facts = told(good(12, since=550, prompt_length=40) + log).facts
    assert (facts["refused_prompt_chars"], facts["smallest_prompt_chars"]) == (9000, 40)
    assert facts["much_tokens"] == 160
    bare = told(some(3, 502)).facts
    assert [bare[name] for name in ("smallest_prompt_chars", "refused_prompt_chars")] == [None] * 2
    assert bare["much_tokens"] is None


@pytest.mark.parametrize(
    ("error", "more"),
    [
        ("the request exceeds the available context size, try increasing it", {}),
        ("input is too long", {"upstream_status": "400"}),
    ],
)
def test_the_models_limit_is_not_the_gateways(error: str, more: dict[str, object]) -> None:
    facts = told(some(4, 400, error, prompt_length=9000, **more)).facts
    assert (facts["too_long"], facts["refused_prompt_chars"]) == (4, None)


def test_what_is_too_large_with_a_short_prompt_holds_something_else() -> None:
    assert kinds(some(3, 413, "payload too large", prompt_length=30)) == {"bad": 3}


# What cannot be told


def test_without_the_gateways_log_nothing_is_told_and_without_requests_it_is_said() -> None:
    with pytest.raises(ProbeError) as missing:
        told(NOBODY, beside(200))
    assert "no such file" in reason(missing.value)
    quiet = told(start(5, "a"))
    assert (quiet.facts["ended"], quiet.facts["down"]) == (0, None)
    assert "no request of a user ended" in str(quiet.reason("down"))
    assert "no such file" in str(told(left([9000, 4000])).reason("left_by"))


def test_every_proof_is_a_line_without_secrets() -> None:
    secret = "invalid key sk-abcdefgh12345678 password=hunter22 connection refused"
    found = told(some(3, 502, secret))
    (proof,) = found.evidence["down"]
    assert (proof.line, "connection refused" in proof.text) == (3, True)
    for proofs in found.evidence.values():
        assert not any(word in one.text for one in proofs for word in ("sk-abcdefgh", "hunter22"))


@pytest.mark.parametrize(
    "odd",
    [
        {"status": 10**30}, {"status": -1}, {"status": "失败"}, {"status": [502]}, {"status": None, "error": 17},
        {"error": {"message": "connection refused"}}, {"error": ["x"]}, {"error": "\ud800" * 50},
        {"completion_tokens": "many"}, {"completion_tokens": -4}, {"prompt_length": 1e308}, {"response_time_ms": -5},
        {"request_id": 7}, {"request_id": ""}, {"path": None}, {"path": 3}, {"method": 9}, {"client_ip": "::zz%"},
        {"user_agent": ["opskit"]}, {"error": "a" * 200_000}, {"error": "model " * 30_000},
    ],
)  # fmt: skip
def test_odd_values_neither_stop_the_reading_nor_accuse(odd: dict[str, object]) -> None:
    usual = {"event": "request.end", "status": 200, "response_time_ms": 900, "client_ip": "10.0.0.1"}
    lines = [{"time": moment(9 - n).isoformat(), **usual, "request_id": f"o{n}", **odd} for n in range(4)]
    found = told(good(3) + b"\n".join(json.dumps(line).encode() for line in lines), beside(200))
    assert {name for name in KINDS if found.facts[name]} <= {"down", "cut"}
