"""Statistics and the slowest requests: exact against sorting everything, in every way of reading."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opskit.logs import gateway, nginx_access, spread
from opskit.logs import stats as module
from opskit.logs.account import Span
from opskit.logs.formats import find
from opskit.logs.request import Request
from opskit.logs.slow import SlowQuery, slow
from opskit.logs.stats import stats
from opskit.logs.stats_json import slow_json, stats_json

COMBINED = (
    '10.0.0.{0} - - [22/Nov/2026:13:{1:02d}:07 +0800] "GET /v1?n={0} HTTP/1.1" {2} 5 "-" "curl" rid=r{0} rt={3:.3f}\n'
)
GATEWAY = (
    '{{"ts":"2026-11-22T13:{1:02d}:07+08:00","msg":"m","request_id":"r{0}","status":{2},"response_time":{3:.3f}}}\n'
)
MAIN = '10.0.0.{0} [2026-11-22T13:{1:02d}:07+08:00] "GET /v1?n={0} HTTP/1.1" {2} {3:.3f} "curl"\n'
LOG_FORMAT = '$remote_addr [$time_iso8601] "$request" $status $request_time "$http_user_agent"'
LINES = st.lists(
    st.tuples(
        st.integers(0, 30), st.integers(0, 59), st.sampled_from([200, 204, 401, 429, 500, 502]), st.floats(0, 99)
    ),
    max_size=40,
).map(lambda rows: sorted(rows, key=lambda row: row[1]))  # logs are nearly in order
NOISE = st.sampled_from(["", "noise\n", "\n", '10.0.0.1 - - [31/Nov/2026:13:00:00 +0800] "-" 200 5 "-" "-" rt=1\n'])


def ranked(values: list[float], share: float) -> float | None:
    return sorted(values)[math.ceil(len(values) * share) - 1] if values else None


@pytest.mark.parametrize(
    ("line", "form", "field"),
    [(COMBINED, "combined", "rt"), (GATEWAY, "gateway", "response_time"), (MAIN, LOG_FORMAT, "request_time")],
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, NOISE)
def test_all_numbers_are_those_of_the_slow_reader(
    tmp_path_factory: pytest.TempPathFactory,
    line: str,
    form: str,
    field: str,
    rows: list[tuple[int, int, int, float]],
    noise: str,
) -> None:
    path = tmp_path_factory.mktemp("stats") / "access.log"
    text = "".join(line.format(*row) for row in rows[:3]) + noise + "".join(line.format(*row) for row in rows[3:])
    path.write_text(text)
    read = [find(form).parse(one.encode()) for one in text.split("\n")[:-1]]
    requests = [request for request in read if request is not None]
    since, until = 1795323600.0 + 600, 1795323600.0 + 3000
    inside = [request for request in requests if since <= request.at < until]
    found = stats(Span(paths=(path,), format=form, since=since, until=until))
    durations = [request.duration_s for request in inside if request.duration_s is not None]
    assert found.by_status == {str(status): number for status, number in Counter(r.status for r in inside).items()}
    assert [found.latency.count, found.latency.p50, found.latency.p95, found.latency.p99, found.latency.max] == [
        len(durations),
        *(ranked(durations, share) for share in (0.5, 0.95, 0.99, 1.0)),
    ]
    assert found.latency.field in {None, field, "duration"}
    assert found.per_minute == Counter(int(request.at // 60) * 60 for request in inside)
    assert (found.first, found.last) == (
        min((r.at for r in inside), default=None),
        max((r.at for r in inside), default=None),
    )
    everything = stats(Span(paths=(path,), format=form)).account
    assert (everything.lines, everything.parsed) == (len(read), len(requests))


@pytest.mark.parametrize(("line", "form"), [(COMBINED, nginx_access.parse), (GATEWAY, gateway.parse)])
def test_the_slowest_come_first_with_what_the_log_knows(
    tmp_path: Path, line: str, form: Callable[[bytes], Request | None]
) -> None:
    path = tmp_path / "access.log"
    rows = [(number, number % 60, 200, number / 7) for number in range(30)]
    path.write_text("noise\n" + "".join(line.format(*row) for row in rows))
    found = slow(SlowQuery(paths=(path,), n=3, over_s=2.0))
    expected = [form(line.format(*row).strip().encode()) for row in reversed(rows[-3:])]
    assert [request.duration_s for request in found.slowest] == [request.duration_s for request in expected if request]
    assert [request.request_id for request in found.slowest] == ["r29", "r28", "r27"]
    assert (found.timed, found.over) == (30, 16)
    json.dumps(slow_json(found, UTC))


def test_latency_tells_failures_from_successes_and_gaps_are_named(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(
        COMBINED.format(1, 0, 200, 9.0) + COMBINED.format(2, 20, 500, 0.001) + COMBINED.format(3, 21, 500, 0.002)
    )
    told = stats_json(stats(Span(paths=(path,))), UTC)
    assert told["by_status"] == {"200": 1, "500": 2}
    assert (told["latency"]["p50"], told["latency_by_class"]["2xx"]["p50"]) == (0.002, 9.0)
    assert told["gaps"] == [{"since": "2026-11-22T05:01:00+00:00", "until": "2026-11-22T05:20:00+00:00"}]
    assert told["per_minute"] == {
        "2026-11-22T05:00:00+00:00": 1,
        "2026-11-22T05:20:00+00:00": 1,
        "2026-11-22T05:21:00+00:00": 1,
    }
    json.dumps(told)


def test_too_many_different_durations_are_rounded_and_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MANY", 50)
    path = tmp_path / "gateway.log"
    path.write_text("".join(GATEWAY.format(1, 0, 200, 10 + number / 1000) for number in range(2000)))
    found = stats(Span(paths=(path,))).latency
    assert found.rounded
    assert (found.count, found.max) == (2000, pytest.approx(12, rel=1e-3))
    assert found.p50 == pytest.approx(11, rel=1e-3)


def test_a_log_without_durations_has_none(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text('10.0.0.7 - - [22/Nov/2026:13:00:07 +0800] "GET / HTTP/1.1" 200 5 "-" "curl"\n')
    found = stats(Span(paths=(path,))).latency
    assert (found.field, found.count, found.p50, found.max) == (None, 0, None, None)


@pytest.mark.parametrize("line", [COMBINED, GATEWAY])
def test_two_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    path = tmp_path / "access.log"
    path.write_text("".join(line.format(number % 9, number % 60, 200, number / 3) for number in range(3000)))
    alone = stats(Span(paths=(path,))), slow(SlowQuery(paths=(path,)))
    monkeypatch.setattr(spread, "SHARED", 1000)
    monkeypatch.setattr("opskit.logs.pieces.SHARED", 1000)
    monkeypatch.setattr(spread.os, "cpu_count", lambda: 2)
    assert (stats(Span(paths=(path,))), slow(SlowQuery(paths=(path,)))) == alone


def test_the_slowest_are_told_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_text(
        '10.0.0.7 - - [22/Nov/2026:13:00:01 +0800] "GET /v1?api_key=sk-abcdefghijkl HTTP/1.1" 200 5 "-" "curl" rt=9\n'
    )
    (told,) = slow(SlowQuery(paths=(path,))).slowest
    assert told.path == "/v1?api_key=[redacted]"
