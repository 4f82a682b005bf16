"""One HTTP exchange against servers that keep the protocol and servers that do not."""

from __future__ import annotations

import gzip
import socket
import threading
import zlib
from pathlib import Path

import pytest

from opskit.app.observe import Live, job, observe
from opskit.model.settings import Settings
from opskit.probes import exchange as module
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.exchange import Exchange, Target, exchange
from tests.probes.authority import authority, lasting, server_context
from tests.probes.server import Talk, answer, refused_port, serving


def ask(url: str, seconds: float = 5.0, **more: object) -> Exchange:
    return exchange(Target(url, **more), Deadline(seconds))  # type: ignore[arg-type]


def kind(asked: Exchange) -> str:
    return asked.failure.kind if asked.failure else "none"


def test_an_answer_has_its_phases_in_their_order() -> None:
    with serving(answer(body="hello", headers="Server: practice\r\n")) as server:
        asked = ask(server.url + "/a?b=c")
        assert server.path() == "/a?b=c"
        assert b"User-Agent: opskit\r\n" in server.heard[0]
    assert (asked.status, asked.body, asked.headers["server"], asked.failure) == (200, "hello", "practice", None)
    assert list(asked.phases) == ["dns_s", "connect_s", "first_byte_s", "total_s"]
    assert sorted(asked.phases.values()) == list(asked.phases.values())


def test_tls_is_a_phase_of_its_own(tmp_path: Path) -> None:
    ca = authority()
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    with serving(answer(body="x"), server_context(tmp_path, lasting(60, issuer=ca))) as server:
        trusted = ask(server.url, ca_file=str(tmp_path / "ca.pem"))
        unknown = ask(server.url)
        blind = ask(server.url, verify=False)
    assert list(trusted.phases) == ["dns_s", "connect_s", "tls_s", "first_byte_s", "total_s"]
    assert (trusted.status, blind.status) == (200, 200)
    assert kind(unknown) == "certificate"
    assert unknown.failure is not None
    assert unknown.failure.stage == "TLS handshake with"


def test_a_refused_connection_is_told_from_silence() -> None:
    asked = ask(f"http://127.0.0.1:{refused_port()}/")
    assert (kind(asked), asked.refused, asked.timed_out) == ("refused", True, False)
    with serving(Talk.hang) as server:
        silent = ask(server.url, 0.3)
    assert (kind(silent), silent.refused, silent.timed_out) == ("timeout", False, True)
    assert silent.failure is not None
    assert silent.failure.stage == "wait for the first byte from"


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("before", "drop"),
    [
        (b"", b"HTTP/1.1 200 OK"),
        (HEAD, b"x"),
        (HEAD, b"X-More: of the same\r\n"),
        (HEAD + b"Content-Length: 100000\r\n\r\n", b"."),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        (HEAD + b"\r\n", b"."),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
)
def test_a_server_that_drips_cannot_outlast_the_deadline(before: bytes, drop: bytes) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(before)
        talk.drip(drop)

    with serving(script) as server:
        assert kind(ask(server.url, 0.4)) == "timeout"  # the drops themselves would go on for ever


def test_a_handshake_that_never_comes_ends_with_the_deadline() -> None:
    with serving(Talk.hang) as server:
        asked = ask(f"https://127.0.0.1:{server.port}/", 0.3)
    assert asked.failure is not None
    assert (asked.failure.kind, asked.failure.stage) == ("timeout", "TLS handshake with")


def test_a_full_backlog_ends_with_the_deadline() -> None:
    with _Deaf() as port:
        asked = ask(f"http://127.0.0.1:{port}/", 0.3)
    assert asked.failure is not None
    assert (asked.failure.kind, asked.failure.stage) == ("timeout", "connect to")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "protocol"),
        (b"\x00\xff\x15\x03\x01\x00\x02\x02\x46", "protocol"),
        (b"", "reset"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "protocol"),
        (HEAD + b"X: y\r\n" * 500 + b"\r\n", "protocol"),
        (HEAD + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "protocol"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", "protocol"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", "protocol"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", "protocol"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 400 + b"\r\nhello", "protocol"),
        (HEAD + b"Content-Length: 50\r\n\r\nhello", "protocol"),
        (HEAD + b"Content-Length: -3\r\n\r\nhello", "none"),
        (HEAD + b"Content-Length: \xb2\r\n\r\nhello", "none"),
        (b"HTTP/1.0 200 OK\r\n\r\nhello", "none"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "none"),
    ],
)
def test_what_is_no_http_is_a_finding_and_never_an_accident(said: bytes, expected: str) -> None:
    with serving(said) as server:
        asked = ask(server.url)
    assert kind(asked) == expected
    assert asked.failure is None or 0 < len(asked.failure.text) <= 300
    if expected == "none" and asked.status == 200:
        assert asked.body == "hello"


def test_garbage_instead_of_tls_is_a_finding() -> None:
    with serving(lambda talk: talk.sock.sendall(b"hello, this is no TLS\r\n" * 10)) as server:
        assert kind(ask(f"https://127.0.0.1:{server.port}/")) == "tls"


def test_a_huge_body_is_cut(tmp_path: Path) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(HEAD + b"\r\n")
        while not talk.over.is_set():
            talk.sock.sendall(b"z" * 65536)

    with serving(script) as server:
        asked = ask(server.url)
    assert (asked.failure, len(asked.body)) == (None, module._BODY_CAP)


def test_what_came_before_a_break_is_kept() -> None:
    with serving(HEAD + b"Content-Length: 50\r\n\r\nhalf an answer") as server:
        assert ask(server.url).body == "half an answer"


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(b"healthy", mtime=0)),
        ("GZIP", gzip.compress(b"healthy", mtime=0)),
        ("deflate", zlib.compress(b"healthy")),
        ("deflate", zlib.compress(b"healthy")[2:-4]),
        ("gzip", b"healthy"),  # it says so and does not
        ("x-own", b"healthy"),
    ],
)
def test_what_was_compressed_unasked_is_read_all_the_same(coding: str, packed: bytes) -> None:
    with serving(HEAD + f"Content-Encoding: {coding}\r\n\r\n".encode() + packed) as server:
        asked = exchange(Target(server.url), Deadline(2))
    assert (asked.failure, asked.body) == (None, "healthy")


def test_a_body_that_unfolds_without_end_is_cut() -> None:
    bomb = gzip.compress(b"0" * (64 << 20))
    with serving(HEAD + b"Content-Encoding: gzip\r\n\r\n" + bomb) as server:
        assert len(exchange(Target(server.url), Deadline(5)).body) == 1 << 20


def test_redirects_are_not_followed() -> None:
    with serving(answer("302 Found", headers="Location: http://127.0.0.1:1/elsewhere\r\n")) as server:
        asked = ask(server.url)
        assert len(server.heard) == 1
    assert (asked.status, asked.headers["location"]) == (302, "http://127.0.0.1:1/elsewhere")


def test_an_address_that_keeps_silent_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name with several addresses: the resolver's answer is replaced, the sockets are real."""
    with serving(answer(body="here")) as server, _Deaf() as deaf:
        _resolve(monkeypatch, deaf, server.port)
        assert ask(f"http://chat.example.test:{server.port}/", 1.0).body == "here"
        _resolve(monkeypatch, deaf, refused_port())
        assert ask("http://chat.example.test/", 0.6).timed_out  # the one that kept silent may be the right one
        _resolve(monkeypatch, refused_port(), refused_port())
        assert ask("http://chat.example.test/", 0.6).refused


class _Deaf:
    """A port whose backlog is full."""

    def __enter__(self) -> int:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        port = int(self.listener.getsockname()[1])
        self.crowd = [socket.socket() for _ in range(4)]
        for one in self.crowd:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        return port

    def __exit__(self, *_: object) -> None:
        for one in (*self.crowd, self.listener):
            one.close()


def _resolve(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in ports]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: found)


def test_a_resolver_that_hangs_is_left_behind_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """getaddrinfo knows no time-out, so the probe's thread outlasts the deadline; its result does not wait for it."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: over.wait(20) and [])
    asked = job("answer", "http", {"url": "http://chat.example.test/"}, 0.2, Settings(), "test")
    ((_, reading),) = observe([asked], Live())
    over.set()
    assert reading.late
    assert "stuck at: resolve the name in http://chat.example.test/" in str(reading.unreadable)


def test_a_name_that_does_not_exist_is_named() -> None:
    asked = ask("http://no-such-host.invalid/")
    assert kind(asked) == "dns"


def test_a_path_in_any_language_is_sent_in_percent_notation() -> None:
    with serving(answer()) as server:
        ask(f"{server.url}/健康 ok?q=%20é")
        assert server.path() == "/%E5%81%A5%E5%BA%B7%20ok?q=%20%C3%A9"


def test_a_password_in_the_address_is_neither_sent_nor_kept() -> None:
    with serving(answer()) as server:
        asked = ask(f"http://bob:hunter22@127.0.0.1:{server.port}/")
        assert b"hunter22" not in server.heard[0]
        assert f"Host: 127.0.0.1:{server.port}\r\n".encode() in server.heard[0]
    assert "hunter22" not in asked.url


@pytest.mark.parametrize(("name", "text"), [("X\nKey", "value"), ("X-Api-Key", "se\ncret"), ("X-Api-Key", "密钥")])
def test_a_header_that_http_cannot_carry_is_refused_without_showing_it(name: str, text: str) -> None:
    with serving(answer()) as server, pytest.raises(ProbeError) as caught:
        ask(server.url, headers={name: text})
    assert text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_time_that_is_over_before_it_began_is_a_time_out() -> None:
    assert ask("http://127.0.0.1:1/", 0.0).timed_out


def test_the_listener_hears_lines_as_they_come() -> None:
    heard = list[tuple[bytes, float]]()

    def script(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n")
        talk.over.wait(0.1)
        talk.sock.sendall(b"4\r\ntwo\n\r\n6\r\nthree\n\r\n")
        talk.hang()

    with serving(script) as server:
        asked = exchange(Target(server.url), Deadline(3), lambda line, at: heard.append((line, at)) or line == b"three")
    assert [line for line, _ in heard] == [b"one", b"two", b"three"]
    assert heard[0][1] < heard[1][1]
    assert asked.failure is None
