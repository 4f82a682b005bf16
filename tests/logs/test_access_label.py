"""Access lines of proxies: what the status, or whoever ended the request, says."""

from __future__ import annotations

import pytest

from opskit.logs.access_label import label, stated

COMBINED = '10.0.0.1 - - [22/Nov/2026:13:00:01 +0800] "{} HTTP/1.1" {} 1 "-" "x"'
UVICORN = 'INFO:     10.0.0.1:5000 - "{} HTTP/1.1" {} Some Words'
LOGURU = '2026-11-22 13:00:01.125 | INFO     | uvicorn.protocols.http.x_impl:send:476 - 10.0.0.1:0 - "{} HTTP/1.1" {}'
LOGGER = 'uvicorn.access - INFO - 10.0.0.1:5000 - "{} HTTP/1.1" {}'
PYTHON = '10.0.0.1 - - [22/Nov/2026 13:00:01] "{} HTTP/1.1" {} -'
SWAP = '[INFO] Request 10.0.0.1 "{} HTTP/1.1" {} 9 "x" 1.5ms'
LLAMA = "srv  log_server_r: done request: {} 10.0.0.1 {}"
JSON = '{{"time":"x","request":"{} HTTP/1.1","status":"{}","request_time":"1.0"}}'
HAPROXY = '10.0.0.1:5000 [22/Nov/2026:13:00:01.000] fe~ be/s1 0/0/1/-1/600 {} 198 - - {} 9/9/1/0/+3 0/0 "GET /"'
ENVOY = '[2026-11-22T13:00:01.000Z] "POST /v1/x HTTP/1.1" {} {} {} - "-" 0 9 1 - "-" "curl"'


@pytest.mark.parametrize("form", [COMBINED, UVICORN, LOGURU, LOGGER, PYTHON, SWAP, LLAMA, JSON])
@pytest.mark.parametrize(
    ("request_line", "status", "expected"),
    [
        ("POST /v1/chat/completions", 200, "ok"),
        ("POST /v1/chat/completions", 401, "warning"),
        ("POST /v1/chat/completions", 404, "not-found"),
        ("GET /favicon.ico", 404, "warning"),
        ("POST /v1/chat/completions", 413, "proxy-config"),
        ("GET /ws/socket.io/?transport=websocket", 400, "proxy-config"),
        ("POST /v1/chat/completions", 429, "proxy-limit"),
        ("POST /v1/chat/completions", 499, "client-abort"),
        ("POST /v1/chat/completions", 500, "warning"),
        ("POST /v1/chat/completions", 502, "proxy-refused"),
        ("POST /v1/chat/completions", 504, "proxy-timeout"),
        ("POST /v1/chat/completions", 524, "proxy-timeout"),
    ],
)
def test_a_status_means_the_same_in_every_form(form: str, request_line: str, status: int, expected: str) -> None:
    assert label(form.format(request_line, status)) == expected


@pytest.mark.parametrize(
    "line",
    [
        LLAMA.format("GET /health", 503),
        f"[40001] {LLAMA.format('POST /v1/chat/completions', 503)}",
        "srv    log_server_response: rid 7 | GET /v1/models 10.0.0.1:5000 | status 503 | cost 1.00s",
    ],
)
def test_llama_server_has_one_reason_for_a_503(line: str) -> None:
    assert label(line) == "reload"


@pytest.mark.parametrize(
    "line", ['[llama-swap] ::1 [2026-11-22 13:00:01] "GET / HTTP/1.1" 502 1 "x" 1ms', PYTHON.format("GET /", 502)]
)
def test_an_access_line_needs_no_zone(line: str) -> None:
    assert label(line) == "proxy-refused"


@pytest.mark.parametrize(
    ("status", "state", "expected"),
    [
        (200, "----", "ok"),
        (504, "sH--", "proxy-timeout"),
        (503, "sC--", "proxy-timeout"),
        (503, "SC--", "proxy-refused"),
        (502, "SH--", "proxy-reset"),
        (-1, "CD--", "client-abort"),
        (408, "cR--", "client-abort"),
        (503, "RC--", "proxy-limit"),
    ],
)
def test_haproxy_says_who_ended_the_session(status: int, state: str, expected: str) -> None:
    assert label(HAPROXY.format(status, state)) == expected


@pytest.mark.parametrize(
    ("status", "flags", "details", "expected"),
    [
        (200, "-", "via_upstream", "ok"),
        (504, "UT", "response_timeout", "proxy-timeout"),
        (503, "UF,URX", "upstream_reset_before_response_started{connection_failure}", "proxy-refused"),
        (503, "UF", "upstream_reset_before_response_started{connection_timeout}", "proxy-timeout"),
        (503, "UC", "upstream_reset_before_response_started{connection_termination}", "proxy-reset"),
        (0, "DC", "downstream_remote_disconnect", "client-abort"),
        (429, "RL", "request_rate_limited", "proxy-limit"),
        (404, "NR", "route_not_found", "proxy-config"),
    ],
)
def test_envoy_flags_say_why(status: int, flags: str, details: str, expected: str) -> None:
    assert label(ENVOY.format(status, flags, details)) == expected
    if flags != "-":
        record = '{"method":"POST","response_code":%d,"response_flags":"%s","response_code_details":"%s"}'
        assert label(record % (status, flags, details)) == expected
        assert label(f"[x] method=POST response_flags={flags} status={status} details={details}") == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "503 UF",
        'level=INFO msg="GET / HTTP/1.1" 502',
        '{"prompt":"\\"status\\": 502, \\"method\\": \\"x\\""}',
        '{"user":"response_flags=UF","status":"fine"}',
        'x "504 198 - - sH-- 9/9/1/0/0 0/0 "',
    ],
)
def test_another_line_is_none(line: str) -> None:
    assert label(line) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("axioserror: request failed with status code 504", "proxy-timeout"),
        ("httpstatuserror: client error '404 not found' for url 'http://10.0.0.9:11434/api/chat'", "not-found"),
        ("httpstatuserror: client error '404 not found' for url 'https://example.test/readme'", "warning"),
        ("httperror: 502 server error: bad gateway for url: http://10.0.0.9/v1/x", "proxy-refused"),
        ("apistatuserror: error code: 429 - {}", "proxy-limit"),
        ('http request: post http://10.0.0.9:11434/api/chat "http/1.1 500 internal server error"', "warning"),
        ("error: 401 status code (no body)", "warning"),
        ('http request: post http://10.0.0.9:11434/api/chat "http/1.1 200 ok"', None),
        ("n_decoded = 504, error code: 5", None),
    ],
)
def test_a_client_tells_the_status_it_was_answered_with(line: str, expected: str | None) -> None:
    assert stated(line) == expected
