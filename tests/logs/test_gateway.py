"""Audit lines of gateways: many dialects, hostile JSON, and what is still in flight."""

from __future__ import annotations

import json
from datetime import timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs.gateway import open_requests, parse
from opskit.logs.request import Request

AT = 1795352401.0
SECRET = "sk-live-abcdefgh12345678"


def read(**fields: object) -> Request:
    found = parse(json.dumps({"time": AT, **fields}).encode())
    assert found is not None
    return found


def test_the_reference_gateway_line_gives_all_its_fields() -> None:
    found = read(
        request_id="r1",
        user_id="u7",
        client_ip="10.0.0.7",
        method="POST",
        path="/v1/chat/completions",
        status=429,
        response_time=0.012,
        prompt_length=400,
        model="qwen3:32b",
        user_agent="curl",
    )
    assert found == Request(
        at=AT,
        status=429,
        client="10.0.0.7",
        user="u7",
        method="POST",
        path="/v1/chat/completions",
        duration_s=0.012,
        request_id="r1",
        agent="curl",
        model="qwen3:32b",
        prompt_chars=400,
    )


@pytest.mark.parametrize(
    ("field", "value", "seconds"),
    [
        ("response_time", 1.5, 1.5),
        ("response_time_ms", 1500, 1.5),
        ("responseTimeMs", 1500, 1.5),
        ("latency_s", "1.5", 1.5),
        ("duration_ns", 1_500_000_000, 1.5),
        ("elapsed_us", 1_500_000, 1.5),
        ("latency", "1.5s", 1.5),
        ("latency", "1m10s", 70.0),
        ("total_duration", 1_500_000_000, 1.5),
        ("elapsed_time", 1500, 1.5),
        ("request_time", 1.5, 1.5),
        ("event", {"duration": 1_500_000_000}, 1.5),
        ("latency", True, None),
        ("latency", -1, None),
        ("latency", "soon", None),
        ("prompt_length", 1.5, None),
    ],
)
def test_a_duration_takes_its_unit_from_the_name(field: str, value: object, seconds: float | None) -> None:
    found = read(status=200, **{field: value})
    assert found.duration_s == (pytest.approx(seconds) if seconds is not None else None)


def test_a_bare_duration_is_in_the_unit_the_caller_names() -> None:
    line = b'{"time": 1795352401, "status": 200, "latency": 1500, "duration_s": 9}'
    assert parse(line, time_unit="ms") == Request(at=AT, status=200, duration_s=1.5)


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-22T13:00:01Z",
        "2026-11-22T21:00:01+08:00",
        "2026-11-22 13:00:01,000",
        1795352401,
        1795352401000,
        1795352401000000000,
        "1795352401.000",
        1795352401000000,
        "22/Nov/2026:21:00:01 +0800",
        "[22/Nov/2026:21:00:01 +0800]",
        "2026/11/22 13:00:01",
    ],
)
def test_times_are_epoch_numbers_of_any_unit_or_iso_texts(time: object) -> None:
    assert read(time=time, status=200).at == pytest.approx(AT)


def test_a_time_without_zone_is_in_the_zone_of_the_caller() -> None:
    found = parse(b'{"ts": "2026-11-22 21:00:01", "status": 200}', zone=timezone(timedelta(hours=8)))
    assert found is not None
    assert found.at == AT


@pytest.mark.parametrize("name", ["request.start", "request_start", "started", "Request Started", "request-started"])
@pytest.mark.parametrize("field", ["event", "msg"])
def test_a_start_has_no_status(field: str, name: str) -> None:
    found = read(request_id="a", status=200, **{field: name})
    assert (found.event, found.status, found.request_id) == ("start", None, "a")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, 200),
        ("429", 429),
        (200.0, 200),
        ("009", 9),
        ("success", None),
        (True, None),
        (None, None),
        (1e308, None),
        (-1, None),
        ([5], None),
    ],
)
def test_a_status_is_a_number_or_nothing(status: object, expected: int | None) -> None:
    assert read(status=status, request_id="r").status == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"request": {"id": "r", "method": "GET", "uri": "/x", "remote_ip": "::1"}, "status": 500},
        {
            "x-request-id": "r",
            "http.request.method": "GET",
            "url.path": "/x",
            "client.address": "[::1]:443",
            "response_code": 500,
        },
        {"req": {"id": "r", "method": "GET", "url": "/x", "remoteAddress": "::1"}, "res": {"statusCode": 500}},
        {"nginx": {"access": {"remote_addr": "::1", "request": "GET /x HTTP/1.1", "status": "500", "request_id": "r"}}},
        {"requestId": "r", "verb": "GET", "endpoint": "/x", "peer": "::1", "http": {"response": {"status_code": 500}}},
    ],
)
def test_other_dialects_say_the_same(fields: dict[str, object]) -> None:
    assert read(**fields) == Request(at=AT, status=500, client="::1", method="GET", path="/x", request_id="r")


@pytest.mark.parametrize("name", ["time_local", "time_iso8601", "msec"])
def test_the_names_of_nginx_are_understood(name: str) -> None:
    times = {
        "time_local": "22/Nov/2026:21:00:01 +0800",
        "time_iso8601": "2026-11-22T21:00:01+08:00",
        "msec": f"{AT:.3f}",
    }
    record = {
        name: times[name],
        "remote_addr": "10.0.0.7",
        "remote_user": "bob",
        "request": "POST /a?b HTTP/1.1",
        "status": "502",
        "body_bytes_sent": "17",
        "request_time": "0.250",
        "upstream_header_time": "0.200",
        "upstream_status": "502, 502",
        "upstream_addr": "127.0.0.1:1, 127.0.0.1:2",
        "upstream_response_time": "0.1, 0.1",
        "http_user_agent": "curl",
        "host": "chat",
    }
    assert parse(json.dumps(record).encode()) == Request(
        at=AT,
        status=502,
        client="10.0.0.7",
        user="bob",
        method="POST",
        path="/a?b",
        duration_s=0.25,
        first_byte_s=0.2,
        size_b=17,
        upstream_status="502, 502",
        upstream_addr="127.0.0.1:1, 127.0.0.1:2",
        upstream_time="0.1, 0.1",
        agent="curl",
        host="chat",
    )


def test_what_stands_in_a_request_is_not_taken_for_its_answer() -> None:
    found = read(status=200, request={"status": 500, "size": 9, "time": 1.0}, response={"time": 2.0})
    assert (found.at, found.status, found.size_b) == (AT, 200, None)


def test_token_counts_and_first_token_of_opentelemetry_and_nested_usage() -> None:
    found = read(status=200, **{"gen_ai.usage.input_tokens": 6400, "gen_ai.request.model": "q", "ttft_ms": 250})
    assert (found.prompt_tokens, found.model, found.first_byte_s) == (6400, "q", 0.25)
    found = read(status=200, usage={"prompt_tokens": 3, "completion_tokens": 4}, startTime=10, completionStartTime=12.5)
    assert (found.prompt_tokens, found.completion_tokens, found.first_byte_s) == (3, 4, 2.5)


@pytest.mark.parametrize("error", ["boom", {"message": "boom", "code": 5}, {"error": "x", "message": "boom"}])
def test_an_error_may_be_nested(error: object) -> None:
    assert read(status=500, error=error).error == "boom"


def test_a_key_never_comes_out_but_two_keys_stay_apart() -> None:
    one, same, other = (read(status=401, api_key=key).key for key in (SECRET, f"Bearer {SECRET}", "another-key"))
    assert one == same != other
    assert one is not None
    assert SECRET[3:] not in repr(read(status=401, api_key=SECRET, error=f"bad key {SECRET}"))
    assert read(status=401, api_key="sk-...5678").key == "sk-...5678"
    assert read(status=401, key_id="team-a", api_key=SECRET).key == "team-a"


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\x00",
        b"null",
        b"[1]",
        b'{"status": 200}',
        b'{"time": 1795352401}',
        b'{"time": 1795352401, "msg": "listening"}',
        b'{"time": NaN, "status": 200}',
        b'{"time": 1e999, "status": 200}',
        b'{"time": true, "status": 200}',
        b'{"time": 1795352401, "status": 200',
        b'{"time": 1795352401, "request_id": "r", "msg": "retrying upstream"}',
        b'x {"time": 1795352401, "status": 200}',
        b'{"a":' * 100_000,
        b"[" * 1_000_000,
        b'{"time": ' + b"9" * 5000 + b', "status": 200}',
    ],
)
def test_what_is_no_request_is_none(line: bytes) -> None:
    assert parse(line) is None


def test_a_deep_object_beside_good_fields_does_not_crash() -> None:
    deep = b'{"time": 1795352401, "status": 200, "x": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}"
    parse(deep)


@pytest.mark.parametrize("end", [b"", b"\r", b"  "])
def test_bytes_that_are_not_utf_8_do_not_lose_the_line(end: bytes) -> None:
    found = parse(b'\xef\xbb\xbf{"time": 1795352401, "status": 500, "user": "\xe4\xbd", "error": "\xff\x00"}' + end)
    assert found is not None
    assert (found.status, found.user) == (500, "\udce4\udcbd")


@given(st.binary(max_size=200))
def test_no_bytes_can_crash_it(noise: bytes) -> None:
    parse(noise)
    parse(b'{"time": 1795352401, "status": 200, "x": "' + noise + b'"}')


NAMES = st.sampled_from(["time", "status", "id", "error", "event", "usage", "client", "latency", "key", "user"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda kids: st.lists(kids) | st.dictionaries(NAMES | st.text(), kids),
)


@given(JSON)
def test_no_json_can_crash_it(value: object) -> None:
    found = parse(json.dumps(value).encode())
    assert found is None or found.status is None or 0 <= found.status <= 999


def made(event: str, name: str | None, at: float) -> Request:
    return Request(at=at, event="start" if event == "start" else "end", request_id=name, status=None)


def test_what_has_begun_and_not_ended_is_open_oldest_first() -> None:
    story = [
        made("start", "b", 2),
        made("start", "a", 1),
        made("start", "done", 1),
        made("end", "done", 3),
        made("start", None, 0),
        made("end", "never-began", 5),
        made("end", "late", 4),
        made("start", "late", 3),
        made("start", "again", 1),
        made("end", "again", 2),
        made("start", "again", 6),
    ]
    assert [(request.request_id, request.at) for request in open_requests(story)] == [("a", 1), ("b", 2), ("again", 6)]
