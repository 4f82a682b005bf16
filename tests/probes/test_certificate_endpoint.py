"""Certificates on the wire: whether they are believed, and their dates even where they are not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from opskit.model.reading import Reading
from opskit.model.status import Status
from opskit.probes.base import ProbeError
from tests.probes.asking import ask, series, value
from tests.probes.authority import NOW, Issued, authority, lasting, server_context
from tests.probes.server import Talk, refused_port, serving
from tests.probes.test_certificate import stored, verdict

NAME = "chat.example.test"


def look(server_port: int, seconds: float = 5.0, **given: object) -> Reading:
    return ask("certificate", seconds, endpoints=[f"127.0.0.1:{server_port}"], **given)


def test_a_chain_that_holds_is_trusted(tmp_path: Path) -> None:
    ca = authority()
    between = lasting(300, 3650, name="intermediate", ca=True, issuer=ca)
    context = server_context(tmp_path, lasting(60, issuer=between), between)
    ca_file = stored(tmp_path, ca)
    with serving(Talk.hang, context) as server:
        reading = look(server.port, server_name=NAME, ca_file=ca_file)
        judged = verdict(endpoints=(f"127.0.0.1:{server.port}",), server_name=NAME, ca_file=ca_file)
    assert (reading.facts["trusted"], reading.facts["unreadable"]) == (True, 0)
    assert round(reading.facts["days_left"] or 0) == 60
    assert judged.status is Status.OK


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        (NAME, False, "unable to get local issuer certificate"),
        ("other.example.test", True, "certificate is not valid for 'other.example.test'"),
    ],
)
def test_a_server_that_is_not_believed_still_shows_its_dates(
    tmp_path: Path, name: str, known: bool, words: str
) -> None:
    ca = authority()
    more = {"ca_file": stored(tmp_path, ca)} if known else {}
    with serving(Talk.hang, server_context(tmp_path, lasting(60, issuer=ca))) as server:
        reading = look(server.port, server_name=name, **more)
    assert (value(reading, "answered"), value(reading, "trusted"), reading.facts["trusted"]) == (1, 0, False)
    assert round(reading.facts["days_left"] or 0) == 60
    assert words in str(reading.reason(f"trusted 127.0.0.1:{server.port}"))


def test_an_expired_certificate_is_critical_with_its_dates(tmp_path: Path) -> None:
    ca = authority()
    old = Issued(NAME, NOW - timedelta(days=90), NOW - timedelta(days=2), issuer=ca)
    with serving(Talk.hang, server_context(tmp_path, old)) as server:
        given = {"endpoints": (f"127.0.0.1:{server.port}",), "server_name": NAME, "ca_file": stored(tmp_path, ca)}
        judged, reading = verdict(**given), ask("certificate", **given)
    assert judged.status is Status.CRITICAL
    assert round(reading.facts["days_left"] or 0) == -2
    assert "certificate has expired" in str(judged.items)


def test_without_a_name_the_address_itself_must_be_proven(tmp_path: Path) -> None:
    ca = authority()
    with serving(Talk.hang, server_context(tmp_path, lasting(60, issuer=ca))) as server:
        assert look(server.port, ca_file=stored(tmp_path, ca)).facts["trusted"] is True


def test_a_refused_connection_is_no_answer() -> None:
    reading = look(port := refused_port())
    assert (value(reading, "answered"), series(reading, "trusted"), reading.facts["days_left"]) == (0, [], None)
    assert "refused" in str(reading.reason(f"answered 127.0.0.1:{port}"))
    assert verdict(endpoints=(f"127.0.0.1:{port}",)).status is Status.CRITICAL


def test_a_server_that_never_shakes_hands_is_no_answer_within_the_deadline() -> None:
    with serving(Talk.hang) as server:
        reading = look(server.port, 0.4)
    assert value(reading, "answered") == 0
    assert "timed out" in str(reading.reason(f"answered 127.0.0.1:{server.port}"))


def test_a_port_without_tls_is_no_answer() -> None:
    with serving(lambda talk: talk.sock.sendall(b"220 mail.example.test ESMTP\r\n" * 9)) as server:
        assert value(look(server.port), "answered") == 0


def test_an_endpoint_that_hangs_hides_neither_the_others_nor_the_files(tmp_path: Path) -> None:
    ca = authority()
    context = server_context(tmp_path, lasting(60, issuer=ca))
    ca_file, file = stored(tmp_path, ca, name="ca.pem"), stored(tmp_path, lasting(30))
    with serving(Talk.hang) as deaf, serving(Talk.hang, context) as server:
        places = [f"127.0.0.1:{deaf.port}", f"127.0.0.1:{server.port}"]
        reading = ask("certificate", 1.0, files=[file], endpoints=places, server_name=NAME, ca_file=ca_file)
    assert [value(reading, "answered", certificate=place) for place in places] == [0, 1]
    assert value(reading, "readable", certificate=file) == 1
    assert len(series(reading, "days_left")) == 2


@pytest.mark.parametrize(
    "endpoint", ["chat.example.test", ":443", "host:", "host:0", "host:65536", "host:٤٤٣", "host:x"]
)
def test_what_is_no_endpoint_is_said_to_be_none(endpoint: str) -> None:
    with pytest.raises(ProbeError, match="is not host:port"):
        ask("certificate", endpoints=[endpoint])


def test_names_that_cannot_be_looked_up_are_no_accident() -> None:
    for host in ("a" * 70, ".", "no-such-host.invalid"):
        assert value(ask("certificate", endpoints=[f"{host}:443"]), "answered") == 0


def test_a_ca_file_that_cannot_be_used_is_an_error_of_the_probe(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match="cannot be used"):
        look(443, ca_file=str(tmp_path / "missing.pem"))
