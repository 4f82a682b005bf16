"""STARTTLS as five protocols speak it: with servers that agree, that refuse, and that misbehave."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from opskit.model.status import Status
from tests.notify.mail_server import MailServer, Rules
from tests.probes.asking import ask, value
from tests.probes.authority import authority, lasting, server_context
from tests.probes.server import Script, Talk, serving
from tests.probes.test_certificate import stored, verdict

LDAP_YES = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"
LDAP_YES_AS_ACTIVE_DIRECTORY_DOES = (
    b"\x30\x84\x00\x00\x00\x28\x02\x01\x01\x78\x84\x00\x00\x00\x1f\x0a\x01\x00\x04\x00\x04\x00"
    b"\x8a\x161.3.6.1.4.1.1466.20037"
)
LDAP_NO = b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00"


def line(talk: Talk) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        piece = talk.sock.recv(1)
        if not piece:
            return data
        data += piece
    return data


def exactly(talk: Talk, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := talk.sock.recv(size - len(data))):
        data += piece
    return data


def turn(talk: Talk, context: ssl.SSLContext) -> None:
    with context.wrap_socket(talk.sock, server_side=True) as secure:
        secure.recv(1)


def speaking(context: ssl.SSLContext, *steps: bytes | Callable[[Talk], bytes]) -> Script:
    """A server that sends bytes and hears what it waits for, in turn, and then shakes hands."""

    def script(talk: Talk) -> None:
        for step in steps:
            if isinstance(step, bytes):
                talk.sock.sendall(step)
            else:
                step(talk)
        turn(talk, context)

    return script


def told(expected: bytes) -> Callable[[Talk], bytes]:
    def hear(talk: Talk) -> bytes:
        heard = line(talk) if expected.endswith(b"\n") else exactly(talk, len(expected))
        assert heard == expected
        return heard

    return hear


@pytest.fixture
def ca_file(tmp_path: Path) -> tuple[str, ssl.SSLContext]:
    ca = authority()
    return stored(tmp_path, ca, name="ca.pem"), server_context(tmp_path, lasting(60, issuer=ca))


AGREE: dict[str, tuple[bytes | Callable[[Talk], bytes], ...]] = {
    "smtp": (b"220-mail.example.test\r\n220 ESMTP\r\n", line, b"250-hello\r\n250-SIZE 1\r\n250 starttls\r\n",
             told(b"STARTTLS\r\n"), b"220 go ahead\r\n"),
    "imap": (b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n", told(b"a1 STARTTLS\r\n"),
             b"* CAPABILITY IMAP4rev1\r\na1 OK begin\r\n"),
    "pop3": (b"+OK ready\r\n", told(b"STLS\r\n"), b"+OK begin\r\n"),
    "ldap": (told(b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"), LDAP_YES),
    "postgres": (told(b"\x00\x00\x00\x08\x04\xd2\x16\x2f"), b"S"),
}  # fmt: skip


@pytest.mark.parametrize("protocol", AGREE)
def test_a_server_that_agrees_shows_its_certificate(ca_file: tuple[str, ssl.SSLContext], protocol: str) -> None:
    with serving(speaking(ca_file[1], *AGREE[protocol])) as server:
        place = f"{protocol}://127.0.0.1:{server.port}"
        reading = ask("certificate", endpoints=[place], ca_file=ca_file[0])
        judged = verdict(endpoints=(place,), ca_file=ca_file[0])
    assert (value(reading, "answered", certificate=place), reading.facts["trusted"]) == (1, True)
    assert round(reading.facts["days_left"] or 0) == 60
    assert judged.status is Status.OK


def test_the_longer_answer_of_an_active_directory_is_understood(ca_file: tuple[str, ssl.SSLContext]) -> None:
    script = speaking(ca_file[1], AGREE["ldap"][0], LDAP_YES_AS_ACTIVE_DIRECTORY_DOES)
    with serving(script) as server:
        reading = ask("certificate", endpoints=[f"ldap://127.0.0.1:{server.port}"], ca_file=ca_file[0])
    assert reading.facts["trusted"] is True


def test_a_mail_server_of_the_wild(ca_file: tuple[str, ssl.SSLContext]) -> None:
    server = MailServer(Rules(), "starttls", ca_file[1])
    server.start()
    try:
        reading = ask("certificate", endpoints=[f"smtp://127.0.0.1:{server.port}"], ca_file=ca_file[0])
        stranger = ask("certificate", endpoints=[f"smtp://127.0.0.1:{server.port}"])
    finally:
        server.stop()
    assert reading.facts["trusted"] is True
    assert (stranger.facts["trusted"], round(stranger.facts["days_left"] or 0)) == (False, 60)
    assert server.raw == []


REFUSE: list[tuple[str, tuple[bytes | Callable[[Talk], bytes], ...], str]] = [
    ("smtp", (b"554 no service for you\r\n",), "554 no service for you"),
    ("smtp", (b"220 hi\r\n", line, b"250-hello\r\n250 SIZE 1\r\n"), "the server does not offer STARTTLS"),
    ("smtp", (b"220 hi\r\n", line, b"250 STARTTLS\r\n"), "the server does not offer STARTTLS"),  # that is its name
    ("smtp", (b"220 hi\r\n", line, b"250-a\r\n250 STARTTLS\r\n", line, b"454 not available\r\n"), "454 not available"),
    ("smtp", (b"220 hi\r\n", line, b"250-a\r\n250 STARTTLS\r\n", line, b"220 go\r\n250 more\r\n"), "goes on talking"),
    ("smtp", (b"220-" + b"x" * 9000,), "220-xxx"),
    ("smtp", (b"220-a\r\n" * 300,), "220-a"),
    ("imap", (b"* PREAUTH welcome\r\n",), "* PREAUTH welcome"),
    ("imap", (b"* OK hi\r\n", line, b"a1 BAD unknown\r\n"), "a1 BAD unknown"),
    ("imap", (b"* OK hi\r\n", line, b"* BYE\r\n" * 200), "* BYE"),
    ("pop3", (b"-ERR busy\r\n",), "-ERR busy"),
    ("pop3", (b"+OK hi\r\n", line, b"-ERR unknown\r\n"), "-ERR unknown"),
    ("ldap", (lambda talk: exactly(talk, 31), LDAP_NO), "resultCode 2"),
    ("ldap", (lambda talk: exactly(talk, 31), b"HTTP/1.1 400 Bad"), "HT"),
    ("ldap", (lambda talk: exactly(talk, 31), b"\x30\x84\x7f\xff\xff\xff"), "LDAP length 2147483647"),
    ("ldap", (lambda talk: exactly(talk, 31), b"\x30\x03abc"), "abc"),
    ("postgres", (lambda talk: exactly(talk, 8), b"N"), "N (ssl = off)"),
    ("postgres", (lambda talk: exactly(talk, 8), b"E"), "E"),
    ("postgres", (lambda talk: exactly(talk, 8), b"SX"), "goes on talking"),
]  # fmt: skip


@pytest.mark.parametrize(("protocol", "steps", "words"), REFUSE)
def test_a_server_that_refuses_is_critical_in_its_own_words(
    protocol: str, steps: tuple[bytes | Callable[[Talk], bytes], ...], words: str
) -> None:
    with serving(lambda talk: speaking_plainly(talk, steps)) as server:
        place = f"{protocol}://127.0.0.1:{server.port}"
        reading, judged = ask("certificate", endpoints=[place]), verdict(endpoints=(place,))
    why = str(reading.reason(f"answered {place}"))
    assert (value(reading, "answered"), reading.facts["days_left"]) == (0, None)
    assert why.startswith("the server ")
    assert words in why
    assert judged.status is Status.CRITICAL


def speaking_plainly(talk: Talk, steps: tuple[bytes | Callable[[Talk], bytes], ...]) -> None:
    for step in steps:
        if isinstance(step, bytes):
            talk.sock.sendall(step)
        else:
            step(talk)
    talk.hang()


def test_what_a_server_says_cannot_drive_the_terminal() -> None:
    with serving(lambda talk: talk.sock.sendall(b"554 \x1b[31m\xff\x00 red\r\n")) as server:
        judged = verdict(endpoints=(f"smtp://127.0.0.1:{server.port}",))
    text = str(judged.items[0].text)
    assert "\\x1b[31m" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("protocol", AGREE)
def test_a_server_that_is_silent_or_drips_ends_with_its_share_of_the_time(
    ca_file: tuple[str, ssl.SSLContext], protocol: str
) -> None:
    with serving(Talk.hang) as silent, serving(lambda talk: talk.drip(b"2")) as slow, serving(
        speaking(ca_file[1], *AGREE[protocol])
    ) as good:  # fmt: skip
        places = [f"{protocol}://127.0.0.1:{server.port}" for server in (silent, slow, good)]
        reading = ask("certificate", 1.8, endpoints=places, ca_file=ca_file[0])
    assert [value(reading, "answered", certificate=place) for place in places] == [0, 0, 1]
    assert "timed out" in str(reading.reason(f"answered {places[0]}"))


def test_a_server_that_hangs_up_has_shown_no_certificate() -> None:
    with serving(lambda talk: (talk.sock.sendall(b"+OK bye\r\n"), line(talk))) as server:
        place = f"pop3://127.0.0.1:{server.port}"
        reading = ask("certificate", endpoints=[place])
    assert value(reading, "answered") == 0
    assert "ended the connection before TLS began" in str(reading.reason(f"answered {place}"))
