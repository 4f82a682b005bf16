"""Lines that Nginx writes where a JSON log_format leaves the quotes away."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs.gateway_salvage import salvaged


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b'{"status":009,"rt":0.5}', {"status": "009", "rt": 0.5}),
        (b'{"urt":,"us":, "x":}', {"urt": "", "us": "", "x": ""}),
        (
            b'{ "urt": -, "us": 502, 200, "h": {"urt": 0.1, - : 0.2 } }',
            {"urt": "-", "us": "502, 200", "h": {"urt": "0.1, - : 0.2"}},
        ),
        (
            b'{"addr":127.0.0.1:80, unix:/a,"n":null,"t":true,"e":-1.5e3}',
            {"addr": "127.0.0.1:80, unix:/a", "n": None, "t": True, "e": -1500.0},
        ),
        (rb'{"ua":"a\x22b\x5C\\x41","s":"{:,}"}', {"ua": 'a"b\\\\x41', "s": "{:,}"}),
        (rb'{"ua":"\xE4\xBD\xA0"}', {"ua": "\udce4\udcbd\udca0"}),
        (b'{"user":"\xff","status":000}', {"user": "\udcff", "status": "000"}),
    ],
)
def test_what_nginx_left_without_quotes_is_read(line: bytes, told: dict[str, object]) -> None:
    assert salvaged(line) == told


@pytest.mark.parametrize(
    "line",
    [b'{"a": 1', b'{"a": x"}', b'{"a" 1}', b"{" + b":" * 60_000 + b"}", b'{"a":' + b"x" * 70_000 + b"}", b'{"a":"}'],
)
def test_what_is_broken_otherwise_stays_so(line: bytes) -> None:
    assert salvaged(line) is None


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_what_needs_no_repair_is_left_alone(record: dict[str, object]) -> None:
    assert salvaged(json.dumps(record).encode()) == record
    assert salvaged(json.dumps({**record, "zz": "BARE"}).replace('"BARE"', "009").encode()) == {**record, "zz": "009"}
