"""Nginx and the gateway in other formats, carriers, units, zones and systems: read, or said to be unreadable."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, timedelta, timezone

import pytest

from opskit.probes.base import ProbeError
from tests.probes.asking import NOW, SHANGHAI, replay
from tests.probes.lines import REFUSED, TIMED_OUT, access, end, error, moment, start

Wrap = Callable[[bytes], bytes]
CARRIERS: list[Wrap] = [
    lambda line: b"\x1b[31m" + line.rstrip() + b"\x1b[0m\r\n",
    lambda line: b"\x1b[36mnginx-1  | \x1b[0m" + line,
    lambda line: b"2026-11-24T02:00:00.123456789Z stderr F " + line,
    lambda line: b"<187>Nov 24 10:00:00 chat1 nginx: " + line,
    lambda line: b"Nov 24 10:00:00 chat1 nginx[812]: " + line,
    lambda line: (
        json.dumps({"log": line.decode(), "stream": "stderr", "time": "2026-11-24T02:00:00Z"}).encode() + b"\n"
    ),
    lambda line: json.dumps({"__REALTIME_TIMESTAMP": "1", "MESSAGE": line.decode().strip()}).encode() + b"\n",
]


@pytest.mark.parametrize("wrap", CARRIERS)
def test_nginx_is_read_whatever_carried_its_lines(wrap: Wrap) -> None:
    read = replay("nginx_access", wrap(access(20)) + wrap(access(10, 502)))
    assert (read.facts["requests"], read.facts["status_502"], read.facts["last_request_age_s"]) == (2, 1, 10)
    told = replay("nginx_error", wrap(error(20)) + wrap(error(10, TIMED_OUT)), gateway="http://127.0.0.1:18789")
    assert (told.facts["gateway_refused"], told.facts["gateway_timeouts"]) == (1, 1)


@pytest.mark.parametrize(
    "form",
    [
        '{iso} {ip} "{request}" {status} 83 0.120 "0.001, 2.0"',
        '[{iso}] {ip} "{request}" {status} rt=0.12 urt=- "{agent}"',
        '{msec} {ip} "{request}" "{status}" 0.1 "-"',
        '"{iso}" "{ip}" "{request}" "{status}"',
        '{{"time_iso8601":"{iso}","remote_addr":"{ip}","request":"{request}","status":"{status}","request_time":"0.1"}}',
        '{{"@timestamp":"{iso}","client":"{ip}","method":"POST","uri":"/api/chat","status":{status},"upstreamtime":"-"}}',
    ],
)
def test_other_log_formats_are_read_without_being_named(form: str) -> None:
    def line(ago_s: float, status: int) -> bytes:
        at = moment(ago_s)
        text = form.format(
            iso=at.isoformat(timespec="seconds"), msec=f"{at.timestamp():.3f}", ip="10.0.0.1", agent="Mozilla/5.0",
            request="POST /api/chat HTTP/1.1", status=status,
        )  # fmt: skip
        return text.encode() + b"\n"

    facts = replay("nginx_access", line(30, 200) + line(20, 499) + line(10, 504)).facts
    assert (facts["requests"], facts["chat_requests"], facts["status_499"], facts["status_504"]) == (3, 3, 1, 1)
    assert facts["last_request_age_s"] == 10


def test_a_number_that_is_no_status_makes_the_format_unknown() -> None:
    lines = b"".join(
        f'{moment(ago).isoformat()} 10.0.0.1 "POST / HTTP/1.1" {ago + 600} 200\n'.encode() for ago in (9, 8, 7)
    )
    with pytest.raises(ProbeError, match="no known format"):
        replay("nginx_access", lines)


def test_errors_in_the_stream_of_the_access_log_are_passed_over() -> None:
    facts = replay("nginx_access", access(30) + error(20) * 5).facts
    assert (facts["requests"], facts["last_request_age_s"]) == (1, 30)


@pytest.mark.parametrize("text", ["Connection refused", "Verbindungsaufbau abgelehnt", "拒绝连接"])
@pytest.mark.parametrize("number", [111, 61])
def test_errors_are_told_by_number_in_any_language_and_on_the_bsds(text: str, number: int) -> None:
    refused = REFUSED.replace("111: Connection refused", f"{number}: {text}")
    late = TIMED_OUT.replace("110: Connection timed out", "60: Operation timed out")
    facts = replay("nginx_error", error(9, refused) + error(8, late), gateway="http://127.0.0.1:18789").facts
    assert (facts["gateway_refused"], facts["gateway_timeouts"]) == (1, 1)


def bare(ago_s: float, name: str, value: float) -> bytes:
    record = {"time": moment(ago_s).isoformat(), "request_id": name, "status": 200, "duration": value}
    return json.dumps(record).encode() + b"\n"


@pytest.mark.parametrize("unit", [1e-9, 1e-6, 1e-3, 1])
def test_the_unit_of_bare_durations_is_measured_between_start_and_end(unit: float) -> None:
    log = b"".join(start(60 - n, f"r{n}") + bare(58.5 - n, f"r{n}", round(1.5 / unit, 3)) for n in range(5))
    assert replay("gateway_log", log).facts["slowest_s"] == pytest.approx(1.5, abs=0.01)


def test_durations_that_cannot_be_are_not_told() -> None:
    crowd = b"".join(bare(60 - n / 10, f"r{n}", 3000) for n in range(100))
    for log in (crowd, bare(10, "a", 2_000_000) + bare(9, "b", 1)):
        facts = replay("gateway_log", log).facts
        assert (facts["slowest_s"], facts["served"]) == (None, True)
    assert replay("gateway_log", bare(10, "a", 2.5) + bare(9, "b", 70)).facts["slowest_s"] == 70


def naive(ago_s: float, hours: int) -> bytes:
    at = moment(ago_s).astimezone(UTC) + timedelta(hours=hours)
    return json.dumps({"time": f"{at:%Y-%m-%d %H:%M:%S}", "status": 200, "path": "/v1/x"}).encode() + b"\n"


def test_a_log_in_another_zone_is_not_a_silence() -> None:
    assert replay("gateway_log", naive(20, 8), now=NOW.astimezone(SHANGHAI)).facts["last_request_age_s"] == 20
    for hours in (0, 3, -5):
        with pytest.raises(ProbeError, match="another zone"):
            replay("gateway_log", naive(20, hours), now=NOW.astimezone(SHANGHAI))
    silent = replay("gateway_log", naive(3000, 8), now=NOW.astimezone(SHANGHAI))
    assert silent.facts["last_request_age_s"] == 3000
    honest = replay("gateway_log", end(5 * 3600 + 20, "a"), now=NOW.astimezone(timezone(timedelta(hours=5))))
    assert honest.facts["last_request_age_s"] == 5 * 3600 + 20


def test_an_age_by_a_clock_that_is_ahead_is_not_known() -> None:
    gateway = replay("gateway_log", end(-90, "a"))
    assert (gateway.facts["last_request_age_s"], gateway.facts["last_ok_age_s"]) == (None, None)
    assert (gateway.facts["served"], gateway.facts["requests"]) == (True, 1)
    assert "a clock is wrong" in str(gateway.reason("last_ok_age_s"))
    nginx = replay("nginx_access", access(-90, 502))
    assert (nginx.facts["last_request_age_s"], nginx.facts["errors_half_s"]) == (None, None)
    assert "a clock is wrong" in str(nginx.reason("last_request_age_s"))
