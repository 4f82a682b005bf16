"""Pairs of key and value: the same requests as their JSON twins tell."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs import gateway
from opskit.logs.formats import detect, known
from opskit.logs.logfmt import parse

LINE = b"time=2026-11-22T13:00:01+08:00 level=INFO msg=request status=429 client_ip=10.0.0.7 latency_ms=1500 path=/v1"


def test_a_request_with_its_units() -> None:
    found = parse(LINE + b' user="bob \\"x\\" y" model=qwen3:32b')
    assert found is not None
    assert (found.at, found.status, found.client) == (1795323601.0, 429, "10.0.0.7")
    assert (found.duration_s, found.path, found.user, found.model) == (1.5, "/v1", 'bob "x" y', "qwen3:32b")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello world",
        LINE + b" and more",
        LINE + b' user="not closed',
        b"status=429 client_ip=10.0.0.7",
        b'time=2026-11-22T13:00:01.123+08:00 level=INFO source=server.go:1 msg="starting runner" port=1',
        b"\x00=\xff",
    ],
)
def test_what_is_no_request_is_none(line: bytes) -> None:
    assert parse(line) is None


def test_what_a_client_smuggles_in_behind_does_not_count() -> None:
    found = parse(LINE + b" agent=x status=200 client_ip=10.9.9.9")
    assert found is not None
    assert (found.status, found.client) == (429, "10.0.0.7")


@given(
    st.fixed_dictionaries(
        {"status": st.integers(100, 599), "user": st.text(max_size=20), "latency_ms": st.integers(0, 10**6)}
    )
)
def test_a_line_tells_what_its_json_twin_tells(values: dict[str, object]) -> None:
    record = {"time": "2026-11-22T13:00:01Z", "request_id": "r1", **values}
    pairs = " ".join(f"{key}={json.dumps(str(value))}" for key, value in record.items())
    assert parse(pairs.encode()) == gateway.parse(json.dumps(record).encode())


@given(st.binary(max_size=100))
def test_any_bytes_are_a_request_or_nothing(noise: bytes) -> None:
    for line in (noise, LINE + b" " + noise):
        found = parse(line)
        assert found is None or found.at


def test_the_format_is_recognised() -> None:
    assert detect([LINE] * 3) is known()["logfmt"]
