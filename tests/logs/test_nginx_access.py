"""Access lines: the forms of Nginx and Apache, and what clients put into them to be misread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs.nginx_access import parse
from opskit.logs.request import Request

AT = 1795323601.0
TIME = b"[22/Nov/2026:13:00:01 +0800]"
HEAD = b"10.0.0.7 - - " + TIME


def read(line: bytes) -> Request:
    found = parse(line)
    assert found is not None
    return found


def test_a_combined_line_gives_all_its_fields() -> None:
    line = HEAD + b' "POST /v1/chat/completions?x=1 HTTP/1.1" 429 162 "https://a/" "curl/8.5"'
    assert read(line) == Request(
        at=AT,
        status=429,
        client="10.0.0.7",
        method="POST",
        path="/v1/chat/completions?x=1",
        agent="curl/8.5",
        size_b=162,
    )


def test_a_common_line_has_no_agent() -> None:
    found = read(HEAD + b' "GET / HTTP/1.0" 200 -')
    assert (found.status, found.agent, found.size_b) == (200, None, None)


@pytest.mark.parametrize(
    ("prefix", "host", "client"),
    [
        (b"chat.example.com:443 10.0.0.7 - - ", "chat.example.com:443", "10.0.0.7"),
        (b"www.example.net ::1 - bob ", "www.example.net", "::1"),
        (b"2001:db8::5 - - ", None, "2001:db8::5"),
        (b"unix: - - ", None, "unix:"),
        (b"10.0.0.7 ident bob ", None, "10.0.0.7"),
    ],
)
def test_the_client_is_found_behind_a_virtual_host_and_as_any_address(
    prefix: bytes, host: str | None, client: str
) -> None:
    found = read(prefix + TIME + b' "GET / HTTP/1.1" 200 1 "-" "-"')
    assert (found.host, found.client) == (host, client)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (b"-", None),
        (b"", None),
        (b"bob", "bob"),
        (b"bob the builder", "bob the builder"),
        (b"x [01/Jan/1999:00:00:00 +0000] y", "x [01/Jan/1999:00:00:00 +0000] y"),
        (b"[a] - b", "[a] - b"),
    ],
)
def test_a_user_may_contain_blanks_brackets_and_even_a_time(user: bytes, expected: str | None) -> None:
    found = read(b"10.0.0.7 - " + user + b" " + TIME + b' "GET / HTTP/1.1" 200 1 "-" "-"')
    assert (found.client, found.user, found.at) == ("10.0.0.7", expected, AT)


@pytest.mark.parametrize(
    ("request_", "method", "path"),
    [
        (b"", None, None),
        (b"-", None, None),
        (rb"\x16\x03\x01\x00t", None, None),
        (b"GET /", "GET", "/"),
        (b"GET /a b HTTP/1.1", "GET", "/a b"),
        (b"GET / HTTP/1.1 HTTP/1.1", "GET", "/ HTTP/1.1"),
        (b"GET /\xff HTTP/1.1", "GET", "/\udcff"),
        (b"GET  HTTP/1.1", "GET", ""),
    ],
)
def test_malformed_requests_still_count(request_: bytes, method: str | None, path: str | None) -> None:
    found = read(HEAD + b' "' + request_ + b'" 400 157 "-" "-"')
    assert (found.status, found.method) == (400, method)
    assert (found.path or None) == (path or None)


@pytest.mark.parametrize(("status", "number"), [(b"000", 0), (b"009", 9), (b"499", 499)])
def test_odd_statuses_of_nginx_are_numbers(status: bytes, number: int) -> None:
    assert read(HEAD + b' "GET / HTTP/1.1" ' + status + b' 0 "-" "-"').status == number


@pytest.mark.parametrize(
    "agent",
    [rb"x\x22 500 7 \x22-\x22", b" 500 ", rb"Mozilla \" 500 1 \"-\" \"x", b"500", rb"a\\", rb"a\\\" 500 1 "],
)
def test_a_user_agent_cannot_fake_a_status(agent: bytes) -> None:
    found = read(HEAD + b' "GET / HTTP/1.1" 200 1 "-" "' + agent + b'"')
    assert (found.status, found.size_b, found.agent) == (200, 1, agent.decode())


def test_an_apache_request_with_an_escaped_quote_cannot_fake_a_status() -> None:
    found = read(HEAD + rb' "GET /\" 500 7 \"-\" \"x HTTP/1.1" 404 9 "-" "curl"')
    assert (found.status, found.agent) == (404, "curl")


def test_appended_fields_are_understood() -> None:
    extra = b' rid=ab12 msec=1795323601.1 rt=12.345 urt="0.1, 0.2 : 0.3" us="502, 200"'
    extra += b' uht="0.100, - : 0.250" ua="[::1]:11434"'
    found = read(HEAD + b' "POST /v1 HTTP/1.1" 200 5 "-" "-"' + extra)
    assert (found.request_id, found.duration_s, found.first_byte_s) == ("ab12", 12.345, 0.25)
    assert found.upstream_status == "502, 200"


def test_unquoted_lists_may_hold_blanks() -> None:
    found = read(HEAD + b' "GET / HTTP/1.1" 200 5 "-" "-" us=502, 200 uht=0.1, - rt=1.5')
    assert (found.upstream_status, found.first_byte_s, found.duration_s) == ("502, 200", None, 1.5)


def test_a_forwarded_header_cannot_pose_as_a_field() -> None:
    found = read(HEAD + b' "GET / HTTP/1.1" 200 5 "-" "-" "1.2.3.4 rid=fake rt=0.001 " rid=true rt=9.5')
    assert (found.request_id, found.duration_s) == ("true", 9.5)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\x00\x01\x02",
        b"not a log line",
        HEAD + b' "GET / HTTP/1.1" 200',
        HEAD + b' "GET / HTTP/1.1" 2000 5 "-" "-"',
        HEAD + b' "GET / HTTP/1.1" 200 5 "-" "cut',
        HEAD.replace(b"Nov", b"Nox") + b' "GET / HTTP/1.1" 200 5 "-" "-"',
        HEAD.replace(b"22/", b"31/") + b' "GET / HTTP/1.1" 200 5 "-" "-"',
        b'{"status":500}',
    ],
)
def test_other_lines_are_none(line: bytes) -> None:
    assert parse(line) is None


@given(st.binary(max_size=300))
def test_no_bytes_can_crash_it(noise: bytes) -> None:
    parse(noise)
    found = parse(HEAD + b' "GET / HTTP/1.1" 200 5 "-" "' + noise.replace(b'"', b"").replace(b"\\", b"") + b'"')
    assert found is not None
    assert found.status == 200


@pytest.mark.parametrize("filler", [b'"', b"\\", b" ", b"[", b'\\"', b' "', b"x", b" rid=", b"a="])
def test_a_megabyte_of_one_character_is_read_quickly(filler: bytes) -> None:
    noise = filler * (1_000_000 // len(filler))
    parse(noise)
    parse(HEAD + b' "' + noise)
    parse(HEAD + b' "GET / HTTP/1.1" 200 5 "-" "-" ' + noise)


def test_a_virtual_host_may_stand_before_an_ident() -> None:
    line = b'chat:443 10.0.0.7 1j0vhgd jsmith [22/Nov/2026:13:00:01 +0800] "GET /a HTTP/2.0" 200 17 "-" "x" 116075'
    found = parse(line)
    assert found is not None
    assert (found.host, found.client, found.user, found.path) == ("chat:443", "10.0.0.7", "jsmith", "/a")
    assert parse(line.replace(b"10.0.0.7", b"ident")) is None
