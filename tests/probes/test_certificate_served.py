"""What a server shows, held against the files: the old one, a second kind, other addresses, weak ones."""

from __future__ import annotations

import json
import os
import socket
import ssl
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from opskit.model.reading import Reading
from opskit.model.status import Status
from tests.probes.asking import ask, collect, replay, series, value
from tests.probes.authority import NOW, Issued, add_chain, authority, lasting, server_context
from tests.probes.server import Talk, refused_port, serving
from tests.probes.test_certificate import stored, verdict

NAME = "chat.example.test"
# openssl req -x509 -new -sha1 -days 36500; cryptography signs with SHA-1 no more.
SHA1_ROOT = """-----BEGIN CERTIFICATE-----
MIIBejCCASKgAwIBAgIUbOV/QaDsq8UjiWpldPEH8xaUoRMwCQYHKoZIzj0EATAT
MREwDwYDVQQDDAhvbGQgcm9vdDAgFw0yNjExMjgwMDMwMDVaGA8yMTI2MTEwNDAw
MzAwNVowEzERMA8GA1UEAwwIb2xkIHJvb3QwWTATBgcqhkjOPQIBBggqhkjOPQMB
BwNCAAQMXIUJwEhTfIzicmIU8dVpr3/crWPjDlBuLhT1YTMXYAgpP4WA1D1uoUwL
zl+vyNEH5yvOrtUEP9nLfH/6rnjjo1MwUTAdBgNVHQ4EFgQUAASNhwK8UPf0Fgdy
oJCjMkSMLOkwHwYDVR0jBBgwFoAUAASNhwK8UPf0FgdyoJCjMkSMLOkwDwYDVR0T
AQH/BAUwAwEB/zAJBgcqhkjOPQQBA0cAMEQCIC4FwQNQPRqZ5W8z+LP4n4u96MOk
/E6Mj59Su20vjnqgAiAfBz5OHSICsxcxzDe/6uDJFFdyQQZQeJv2JIsK5m35xw==
-----END CERTIFICATE-----
"""
SHA1_LEAF = """-----BEGIN CERTIFICATE-----
MIIBKDCB0AIUItleSNg7zXnkFvcd0+ASGnMjBQ4wCQYHKoZIzj0EATATMREwDwYD
VQQDDAhvbGQgcm9vdDAgFw0yNjExMjgwMDMwMDVaGA8yMTI2MTEwNDAwMzAwNVow
GzEZMBcGA1UEAwwQb2xkLmV4YW1wbGUudGVzdDBZMBMGByqGSM49AgEGCCqGSM49
AwEHA0IABLPRCGxepZh2kGHFJ/HOqfr/dxIwRIb/R1v0YGlrBqaFGQ00lbL2VrZ6
E0uyFF0an8odLKmUJgrEYF2+iMvwc3swCQYHKoZIzj0EAQNIADBFAiBK8GvDZOO0
oSti1YKiNeDfKFRKQ3ofLGBzCKwQpASK8QIhAMW00lxGXliWFXJf9lIqZ1SJ04en
Wjz2HuNw606xb/Zy
-----END CERTIFICATE-----
"""
LONG_AGO = NOW.timestamp() - 7200


class Lineage:
    """certbot's folders with two generations, the second one live."""

    def __init__(self, folder: Path, former: Issued, present: Issued) -> None:
        archive, self.live = folder / "archive" / NAME, folder / "live" / NAME
        archive.mkdir(parents=True)
        self.live.mkdir(parents=True)
        for number, one in ((1, former), (2, present)):
            (archive / f"fullchain{number}.pem").write_bytes(one.pem)
            os.utime(archive / f"fullchain{number}.pem", (LONG_AGO, LONG_AGO))
        self.file = self.live / "fullchain.pem"
        self.file.symlink_to(archive / "fullchain2.pem")


def served(folder: Path, shown: Issued, ca: Issued, file: str, **more: object) -> Reading:
    with serving(Talk.hang, server_context(folder, shown)) as server:
        place = f"127.0.0.1:{server.port}/{NAME}"
        return ask("certificate", files=[file], endpoints=[place], ca_file=stored(folder, ca, name="ca.pem"), **more)


def old_file(folder: Path, one: Issued, name: str = "site.crt") -> str:
    path = stored(folder, one, name=name)
    os.utime(path, (LONG_AGO, LONG_AGO))
    return path


def test_the_certificate_of_before_is_a_warning_and_says_which_file_is_newer(tmp_path: Path) -> None:
    ca = authority()
    former, present = lasting(28, issuer=ca), lasting(89, issuer=ca)
    line = Lineage(tmp_path, former, present)
    with serving(Talk.hang, server_context(tmp_path, former)) as server:
        given = {"files": (str(line.file),), "endpoints": (f"127.0.0.1:{server.port}/{NAME}",),
                 "ca_file": stored(tmp_path, ca, name="ca.pem")}  # fmt: skip
        judged = verdict(**given)
    assert judged.status is Status.WARNING
    assert f"still shows the former certificate ({line.file} holds a newer one: reload" in str(judged.items[0].text)
    assert value(served(tmp_path, present, ca, str(line.file)), "current") == 1


def test_what_certbot_put_aside_proves_it_even_for_other_names(tmp_path: Path) -> None:
    ca = authority()
    former, present = lasting(28, issuer=ca), lasting(89, issuer=ca, names=(NAME, "more.example.test"))
    line = Lineage(tmp_path, former, present)
    assert value(served(tmp_path, former, ca, str(line.file)), "current") == 0


def test_on_this_host_a_newer_file_for_the_same_names_proves_it_too(tmp_path: Path) -> None:
    ca = authority()
    path = old_file(tmp_path, lasting(89, issuer=ca))
    assert value(served(tmp_path, lasting(28, issuer=ca), ca, path), "current") == 0


@pytest.mark.parametrize("what", ["other names", "other kind", "other authority", "other host", "just now"])
def test_what_proves_nothing_accuses_nobody(tmp_path: Path, what: str) -> None:
    ca = authority()
    more = {"other names": {"names": (NAME, "x.example.test")}, "other kind": {"kind": "rsa"}}.get(what, {})
    maker = None if what == "other authority" else ca
    path = old_file(tmp_path, lasting(89, issuer=maker, **more))
    if what == "just now":
        os.utime(path)
    with serving(Talk.hang, server_context(tmp_path, lasting(28, issuer=ca))) as server:
        given = {"files": (path,), "endpoints": (f"127.0.0.1:{server.port}/{NAME}",),
                 "ca_file": stored(tmp_path, ca, name="ca.pem")}  # fmt: skip
        (raw,) = collect("certificate", **given)
    if what == "other host":
        raw = type(raw)(raw.name, raw.data.replace(b'"local": true', b'"local": false'), raw.origin)
    reading = replay("certificate", (raw,), NOW, **given)
    assert series(reading, "current") == []
    assert [note for note in map(str, reading.notes) if "does it read that file?" in note] == (
        [f"{path} holds a newer certificate than {given['endpoints'][0]} shows: does it read that file?"]
        if what == "other host"
        else []
    )


def test_a_file_that_is_older_than_what_is_shown_is_a_note(tmp_path: Path) -> None:
    ca = authority()
    reading = served(tmp_path, lasting(89, issuer=ca), ca, old_file(tmp_path, lasting(40, issuer=ca)))
    assert series(reading, "current") == []
    assert "shows a newer certificate than" in str(reading.notes[0])


def test_both_kinds_of_a_server_are_looked_at(tmp_path: Path) -> None:
    ca = authority()
    context = server_context(tmp_path, lasting(60, issuer=ca, kind="ec"))
    add_chain(context, tmp_path, lasting(5, issuer=ca, kind="rsa"))
    ca_file = stored(tmp_path, ca, name="ca.pem")
    with serving(Talk.hang, context) as server:
        place = f"127.0.0.1:{server.port}"
        reading = ask("certificate", endpoints=[place], ca_file=ca_file)
        judged = verdict(endpoints=(place,), ca_file=ca_file)
    assert {round(s.value or 0) for s in series(reading, "days_left")} == {60, 5}
    places = {sample.labels["certificate"] for sample in series(reading, "trusted")}
    assert places in ({place, f"{place} RSA"}, {place, f"{place} ECDSA"})
    assert judged.status is Status.CRITICAL


@pytest.mark.parametrize("versions", ["1.2", "1.3", "both"])
@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_a_server_with_one_kind_is_listed_once(tmp_path: Path, versions: str, kind: str) -> None:
    ca = authority()
    context = server_context(tmp_path, lasting(60, issuer=ca, kind=kind))
    if versions == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if versions == "1.3":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    with serving(Talk.hang, context) as server:
        given = {"endpoints": [f"127.0.0.1:{server.port}"], "ca_file": stored(tmp_path, ca)}
        reading = ask("certificate", **given)
    assert [s.value for s in series(reading, "trusted")] == [1]


def test_every_certificate_of_the_verified_path_counts_and_is_listed(tmp_path: Path) -> None:
    ca = authority(days=400)
    between = lasting(12, 3650, name="intermediate", ca=True, issuer=ca)
    stray = lasting(-900, name="cross-signed.example.test", ca=True)
    context = server_context(tmp_path, lasting(60, issuer=between), between, stray)
    with serving(Talk.hang, context) as server:
        reading = ask("certificate", endpoints=[f"127.0.0.1:{server.port}"], ca_file=stored(tmp_path, ca))
    assert reading.facts["trusted"] is True
    assert round(reading.facts["days_left"] or 0) == 12
    lines = [proof.text.split(" ends ")[0] for proof in reading.evidence["days_left"]]
    assert lines == ["intermediate", NAME, "practice CA"]


def test_where_the_intermediate_has_ended_the_chain_fails_and_all_dates_are_told(tmp_path: Path) -> None:
    ca = authority()
    between = lasting(-3, 3650, name="intermediate", ca=True, issuer=ca)
    with serving(Talk.hang, server_context(tmp_path, lasting(60, issuer=between), between)) as server:
        place, ca_file = f"127.0.0.1:{server.port}", stored(tmp_path, ca)
        reading, judged = ask("certificate", endpoints=[place], ca_file=ca_file), verdict(endpoints=(place,))
    assert (reading.facts["trusted"], round(reading.facts["days_left"] or 0)) == (False, 60)
    assert "certificate has expired" in str(reading.reason(f"trusted {place}"))
    assert any(proof.text.startswith("intermediate ends") for proof in reading.evidence["days_left"])
    assert judged.status is Status.CRITICAL


def test_a_chain_without_its_intermediate_says_how_far_it_reaches(tmp_path: Path) -> None:
    ca = authority()
    between = lasting(300, 3650, name="intermediate", ca=True, issuer=ca)
    with serving(Talk.hang, server_context(tmp_path, lasting(60, issuer=between))) as server:
        place = f"127.0.0.1:{server.port}"
        reading = ask("certificate", endpoints=[place], ca_file=stored(tmp_path, ca))
    why = str(reading.reason(f"trusted {place}"))
    assert "certificates sent: 1, the last one issued by CN=intermediate" in why
    assert round(reading.facts["days_left"] or 0) == 60


def test_a_server_that_wants_a_clients_certificate_shows_its_own_all_the_same(tmp_path: Path) -> None:
    ca = authority()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = server_context(tmp_path, lasting(60, issuer=ca))
        context.maximum_version = version
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(stored(tmp_path, ca, name="ca.pem"))
        with serving(Talk.hang, context) as server:
            reading = ask("certificate", endpoints=[f"127.0.0.1:{server.port}"], ca_file=f"{tmp_path}/ca.pem")
        assert value(reading, "answered") == 1
        assert round(reading.facts["days_left"] or 0) == 60


def test_weak_ones_are_a_warning_with_their_dates(tmp_path: Path) -> None:
    ca = authority()
    weak = lasting(60, issuer=ca, kind="rsa1024")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    add_chain(context, tmp_path, weak)
    with serving(Talk.hang, context) as server:
        reading = ask("certificate", endpoints=[f"127.0.0.1:{server.port}"], ca_file=stored(tmp_path, ca))
    assert (value(reading, "answered"), value(reading, "strong")) == (1, 0)
    assert round(reading.facts["days_left"] or 0) == 60
    judged = verdict(files=(stored(tmp_path, weak, name="weak.pem"),))
    assert judged.status is Status.WARNING
    assert "weak key or signature (chat.example.test: a key of 1024 bits)" in str(judged.items[0].text)


def test_sha1_is_weak_but_under_a_root_it_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text(SHA1_ROOT)
    (tmp_path / "leaf.pem").write_text(SHA1_LEAF)
    assert value(ask("certificate", files=[f"{tmp_path}/root.pem"]), "strong") == 1
    reading = ask("certificate", files=[f"{tmp_path}/leaf.pem"])
    assert value(reading, "strong") == 0
    assert "old.example.test: signed with SHA1" in str(reading.reason(f"strong {tmp_path}/leaf.pem"))


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that `many.example.test` stands for: no test has a name server of its own."""
    known, real = list[str](), socket.getaddrinfo

    def look_up(host: str, port: int, **more: object) -> list[object]:
        if host != "many.example.test":
            return real(host, port, **more)  # type: ignore[arg-type, return-value]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def test_every_address_is_looked_at_and_the_worst_is_named(tmp_path: Path, resolver: list[str]) -> None:
    ca = authority()
    good, bad = (server_context(tmp_path, lasting(days, issuer=ca, names=("many.example.test",))) for days in (60, 3))
    with ExitStack() as stack:
        port = stack.enter_context(serving(Talk.hang, good)).port
        stack.enter_context(serving(Talk.hang, bad, at=("127.0.0.2", port)))
        stack.enter_context(serving(Talk.hang, listens=False, at=("127.0.0.3", port)))
        resolver += ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"]
        place = f"many.example.test:{port}"
        given = {"endpoints": (place,), "ca_file": stored(tmp_path, ca)}
        reading, judged = ask("certificate", 2.0, **given), verdict(**given)
    assert {s.labels["certificate"]: round(s.value or 0) for s in series(reading, "days_left")} == {
        f"{place} 127.0.0.1": 60,
        f"{place} 127.0.0.2": 3,
    }
    assert value(reading, "reached", certificate=f"{place} 127.0.0.3") == 0
    assert [str(note) for note in reading.notes] == [
        f"{place} 127.0.0.4 cannot be reached from this host and was not looked at"
    ]
    assert judged.status is Status.CRITICAL
    silent = f"{place} 127.0.0.3: this address shows no certificate while others do"
    assert [
        str(item.text) for item in judged.items if str(item.text).startswith(silent) and "timed out" in str(item.text)
    ]


def test_where_no_address_answers_the_endpoint_is_one_finding(resolver: list[str]) -> None:
    resolver += ["127.0.0.2", "127.0.0.3"]
    place = f"many.example.test:{refused_port()}"
    reading = ask("certificate", endpoints=[place])
    assert [(s.labels["certificate"], s.value) for s in series(reading, "answered")] == [(place, 0)]
    assert verdict(endpoints=(place,)).status is Status.CRITICAL


def test_a_name_server_that_hangs_costs_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, port: int, **more: object) -> object:
        if host == "hangs.example.test":
            ended.wait(5)
        return real(host, port, **more)  # type: ignore[arg-type]

    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    ca = authority()
    with serving(Talk.hang, server_context(tmp_path, lasting(60, issuer=ca))) as server:
        places = ["hangs.example.test:443", f"127.0.0.1:{server.port}"]
        reading = ask("certificate", 1.0, endpoints=places, ca_file=stored(tmp_path, ca))
    ended.set()
    assert [value(reading, "answered", certificate=place) for place in places] == [0, 1]
    assert "not resolved in time" in str(reading.reason(f"answered {places[0]}"))


def test_each_endpoint_may_prove_a_name_of_its_own(tmp_path: Path) -> None:
    ca = authority()
    with serving(Talk.hang, server_context(tmp_path, lasting(60, issuer=ca))) as server:
        places = [f"127.0.0.1:{server.port}{name}" for name in ("", f"/{NAME}", "/other.example.test")]
        reading = ask("certificate", endpoints=places, ca_file=stored(tmp_path, ca))
    assert [value(reading, "trusted", certificate=place) for place in places] == [1, 1, 0]


def test_of_what_a_server_sends_only_its_own_must_be_understood(tmp_path: Path) -> None:
    ca = authority()
    with serving(Talk.hang, server_context(tmp_path, lasting(60, issuer=ca))) as server:
        (raw,) = collect("certificate", endpoints=[f"127.0.0.1:{server.port}"], ca_file=stored(tmp_path, ca))
    own, root = (pem.encode("unicode_escape") for pem in json.loads(raw.data)["seen"][0]["pem"])
    for damaged, days in ((root, 60), (own, None)):
        odd = type(raw)(raw.name, raw.data.replace(damaged[40:200], b"A" * 160), raw.origin)
        reading = replay("certificate", (odd,), NOW)
        assert (reading.facts["days_left"] and round(float(reading.facts["days_left"]))) == days
        assert value(reading, "answered") == (1 if days else None)
        assert ("besides its own" in str(reading.notes)) is bool(days)
