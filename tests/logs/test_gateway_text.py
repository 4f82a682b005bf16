"""What gateways of other makes write, and what carries their lines, is read; what is no request stays none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from opskit.logs.gateway import parse
from opskit.logs.gateway_text import read
from opskit.logs.request import Request

AT = datetime(2026, 11, 28, 8, 0, 3, tzinfo=UTC).timestamp()
RECORD = '{"time": "2026-11-28T08:00:03Z", "status": 503, "response_time_ms": 2, "path": "/v1/x", "user_id": "u7"}'
ACCESS = '10.0.0.7:5321 - "POST /v1/x HTTP/1.1" 503'


def told(line: str | bytes) -> Request | None:
    return read(line if isinstance(line, bytes) else line.encode(), "s", UTC, AT + 60)


def journald(message: object) -> str:
    return json.dumps({"__REALTIME_TIMESTAMP": "1795852803000000", "MESSAGE": message})


@pytest.mark.parametrize(
    "line",
    [
        RECORD,
        f"\x1b[31m{RECORD}\x1b[0m",
        "\0" * 4096 + RECORD,
        json.dumps({"log": RECORD + "\n", "stream": "stdout", "time": "2026-11-28T08:00:04.1Z"}),
        journald(RECORD),
        journald(list(RECORD.encode())),
        f"2026-11-28T08:00:04.123456789Z stdout F {RECORD}",
        f"\x1b[36mgateway-1  | \x1b[0m{RECORD}",
        f"gateway-1  | 2026-11-28T08:00:04.123456789Z {RECORD}",
        f"Nov 28 08:00:04 chat1 qwen-gateway[812]: {RECORD}",
        f"Sat 2026-11-28 08:00:04 UTC chat1 qwen-gateway[812]: {RECORD}",
        f"1795852804.123456 chat1 qwen-gateway[812]: {RECORD}",
        f"2026-11-28 08:00:04,123 INFO audit: {RECORD}",
        (
            '2026-11-28T08:00:03.000Z\tWARN\tmw/log.go:8\tdone\t{"status": 503, "path": "/v1/x", "user": "u7",'
            ' "latency": 0.002}'
        ),
        (
            'time="2026-11-28T08:00:03Z" \x1b[33mlevel\x1b[0m=error msg=done \x1b[33mstatus\x1b[0m=503 path=/v1/x '
            "user=u7 latency=2ms"
        ),
        "2026-11-28 08:00:03.000  INFO 1 --- [or-http-2] c.q.AuditFilter : POST /v1/x status=503 cost=2ms user=u7",
        "2026-11-28 08:00:03 [信息] 请求完成 状态码=503 耗时=2毫秒 用户=u7 路径=/v1/x",
        '{"时间": "2026-11-28T08:00:03Z", "状态码": 503, "耗时毫秒": 2, "用户": "u7", "路径": "/v1/x"}',
    ],
)
def test_a_record_is_read_whoever_wrote_and_carried_it(line: str) -> None:
    found = told(line)
    assert found is not None
    assert (found.at, found.status, found.path, found.user, found.event) == (AT, 503, "/v1/x", "u7", "end")
    assert found.duration_s == pytest.approx(0.002)


@pytest.mark.parametrize(
    "line",
    [
        f"2026-11-28 08:00:03,000 - uvicorn.access - INFO - {ACCESS}",
        f"[2026-11-28 08:00:03 +0000] [7] [INFO] {ACCESS}",
        f"INFO: 2026-11-28 08:00:03 {ACCESS} Service Unavailable",
        f"2026-11-28 08:00:03.000 | INFO     | uvicorn.protocols:send:88 - {ACCESS}",
        (
            "2026-11-28T08:00:03.000000000Z stdout F \x1b[32mINFO\x1b[0m:     10.0.0.7:5321 - "
            '"\x1b[1mPOST /v1/x HTTP/1.1\x1b[0m" \x1b[91m503 Service Unavailable\x1b[0m'
        ),
        f"Nov 28 08:00:03 chat1 gateway[812]: INFO:     {ACCESS} Service Unavailable",
        json.dumps({"time": "2026-11-28T08:00:03Z", "name": "uvicorn.access", "message": ACCESS}),
        '10.0.0.7 - u7 [28/Nov/2026:08:00:03 +0000] "POST /v1/x HTTP/1.1" 503 83 "-" "python-httpx/0.27"',
        '[GIN] 2026/11/28 - 08:00:03 |\x1b[97;43m 503 \x1b[0m|  2.1ms |  10.0.0.7 |\x1b[97;46m POST    \x1b[0m "/v1/x"',
    ],
)
def test_access_lines_are_read_with_the_time_of_what_carries_them(line: str) -> None:
    found = told(line)
    assert found is not None
    assert (found.at, found.status, found.method, found.path, found.client) == (AT, 503, "POST", "/v1/x", "10.0.0.7")


@pytest.mark.parametrize(
    "line",
    [
        "",
        f"INFO:     {ACCESS} Service Unavailable",  # nobody can say when
        "2026-11-28 08:00:03 INFO heartbeat ok",
        "2026-11-28 08:00:03 WARN upstream answered status=503, trying again",
        '{"time": "2026-11-28T08:00:03Z", "msg": "retrying", "attempt": 2}',
        json.dumps({"time": "2026-11-28T08:00:03Z", "msg": ACCESS}),
        json.dumps({"time": "2026-11-28T08:00:03Z", "msg": "prompt", "log_it": f"2026-11-28 08:00:03 {ACCESS}"}),
        f'2026-11-28 08:00:03 INFO prompt: "please explain {ACCESS}"',
        "2026-11-28 08:00:03 " + "{" * 70_000,
        b"\xff\xfe" * 300,
    ],
)
def test_what_is_no_request_or_is_a_users_text_is_none(line: str | bytes) -> None:
    assert told(line) is None


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"responseTime": 12, "res": {"statusCode": 200}}, 0.012),
        ({"meta": {"responseTime": 12, "res": {"statusCode": 200}}}, 0.012),
        ({"latency": 2_100_000, "latency_human": "2.1ms", "status": 200}, 0.0021),
        ({"Duration": 2_000_000, "DownstreamStatus": 200}, 0.002),
        ({"latencies": {"request": 250, "kong": 1}, "response": {"status": 200}}, 0.25),
        ({"耗时": "1.5秒", "状态码": 200}, 1.5),
        ({"latency": "15 ms", "status": 200}, 0.015),
    ],
)
def test_durations_are_in_the_unit_of_the_program_that_writes_them(fields: dict[str, object], seconds: float) -> None:
    found = parse(json.dumps({"time": "2026-11-28T08:00:03Z", **fields}).encode())
    assert found is not None
    assert (found.status, found.duration_s) == (200, pytest.approx(seconds))


def test_a_zone_is_that_of_the_caller_where_the_carrier_names_none() -> None:
    found = read(f"2026-11-28 16:00:03,000 INFO {ACCESS}".encode(), "s", timezone(timedelta(hours=8)))
    assert found is not None
    assert found.at == AT
