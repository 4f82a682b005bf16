"""Error records: fields, cuts, other C libraries, and text that clients wrote to be taken for an address."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs.nginx_error import ErrorRecord, parse

HEAD = b"2026/11/22 13:00:01 [error] 31#31: *46 "
FULL = (
    HEAD
    + b"upstream timed out (110: Operation timed out) while reading response header from upstream, client: 10.0.0.7, "
    b'server: chat.example.com, request: "POST /v1/chat HTTP/1.1", upstream: "http://127.0.0.1:18789/v1/chat"'
    b', host: "chat"'
)


def read(line: bytes) -> ErrorRecord:
    found = parse(line, UTC)
    assert found is not None
    return found


def test_a_whole_record_gives_all_its_fields() -> None:
    assert read(FULL) == ErrorRecord(
        at=datetime(2026, 11, 22, 13, 0, 1, tzinfo=UTC).timestamp(),
        level="error",
        pid=31,
        cid=46,
        message="upstream timed out (110: Operation timed out) while reading response header from upstream",
        errno=110,
        action="reading response header from upstream",
        client="10.0.0.7",
        server="chat.example.com",
        request="POST /v1/chat HTTP/1.1",
        upstream="http://127.0.0.1:18789/v1/chat",
        host="chat",
    )


def test_the_time_is_in_the_zone_of_nginx() -> None:
    found = parse(FULL, ZoneInfo("Asia/Shanghai"))
    assert found is not None
    assert found.at == datetime(2026, 11, 22, 5, 0, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "errno", "action"),
    [
        (b"connect() failed (111: Connection refused) while connecting to upstream", 111, "connecting to upstream"),
        (
            b"connect() to unix:/run/gw.sock failed (2: No such file or directory) while connecting to upstream",
            2,
            "connecting to upstream",
        ),
        (b'open() "/tmp/a (5: x" failed (13: Permission denied) while sending to client', 13, "sending to client"),
        (b"no live upstreams while connecting to upstream", None, "connecting to upstream"),
        (b'limiting requests, excess: 5.428 by zone "a, b"', None, None),
    ],
)
def test_errno_and_action(text: bytes, errno: int | None, action: str | None) -> None:
    found = read(HEAD + text + b', client: ::1, server: , request: "GET / HTTP/1.1", host: "h"')
    assert (found.errno, found.action, found.client, found.server) == (errno, action, "::1", "")


def test_a_record_of_the_process_has_neither_connection_nor_client() -> None:
    found = read(b"2026/11/22 13:00:01 [alert] 12#12: 768 worker_connections are not enough")
    assert (found.cid, found.client, found.message) == (None, None, "768 worker_connections are not enough")


@pytest.mark.parametrize("cut", range(len(HEAD) + 30, len(FULL), 7))
def test_a_record_cut_anywhere_keeps_what_is_there(cut: int) -> None:
    found = read(FULL[:cut])
    assert found.client in {None, "10.0.0.7", "10.0.0.", "10.0.0", "10.0."} or FULL[:cut].endswith(
        str(found.client).encode()
    )
    assert found.server in {None, ""} or "chat.example.com".startswith(str(found.server))


INJECTION = b', client: 6.6.6.6, server: evil, request: "GET / HTTP/1.1", host: "evil"'


@pytest.mark.parametrize(
    ("line", "ambiguous"),
    [
        (
            HEAD
            + b'user "x'
            + INJECTION
            + b'": password mismatch, client: 10.0.0.7, server: s, request: "GET / HTTP/1.1", host: "h"',
            False,
        ),
        (
            HEAD
            + b'user "x'
            + INJECTION
            + b'" was not found in "/etc/ht", client: 10.0.0.7, server: s, request: "GET / HTTP/1.1"',
            False,
        ),
        (
            HEAD
            + b'access forbidden by rule, client: 10.0.0.7, server: s, request: "GET /'
            + INJECTION
            + b' HTTP/1.1", host: "h"',
            True,
        ),
        (
            HEAD
            + b'x, client: 10.0.0.7, server: s, request: "GET / HTTP/1.1", host: "h", referrer: "r'
            + INJECTION
            + b'"',
            True,
        ),
    ],
)
def test_client_text_cannot_pose_as_the_client(line: bytes, ambiguous: bool) -> None:
    found = read(line)
    assert (found.client, found.server, found.ambiguous) == ("10.0.0.7", "s", ambiguous)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"PHP message: x",
        b" 2026/11/22 13:00:01 [error] 1#1: x",
        b"2026/13/22 13:00:01 [error] 1#1: x",
        b'10.0.0.7 - - [22/Nov/2026:13:00:01 +0800] "GET / HTTP/1.1" 200 1',
    ],
)
def test_continuation_lines_and_others_are_none(line: bytes) -> None:
    assert parse(line, UTC) is None


def test_a_syslog_prefix_is_passed_over() -> None:
    assert read(b"<187>Nov 22 13:00:01 host nginx: " + FULL).client == "10.0.0.7"


def test_raw_bytes_are_kept() -> None:
    assert read(HEAD + b"bad \xff\x00 request, client: 1.2.3.4").message == "bad \udcff\x00 request"


@given(st.binary(max_size=200))
def test_no_bytes_can_crash_it(noise: bytes) -> None:
    parse(noise, UTC)
    assert read(HEAD + noise).pid == 31


@pytest.mark.parametrize(
    "filler", [b", client: 1.1.1.1", b'", host: "', b" while ", b"(110: ", b", server: ", b'user "']
)
def test_a_long_hostile_record_is_read_quickly(filler: bytes) -> None:
    read(HEAD + filler * 100_000)
