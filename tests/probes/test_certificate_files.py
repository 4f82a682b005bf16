"""Certificates in every kind of file, and in folders of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from opskit.model.status import Status
from opskit.probes.base import ProbeError
from tests.probes.asking import as_nobody, ask, collect, series, value
from tests.probes.authority import Issued, authority, lasting
from tests.probes.test_certificate import stored, verdict


def packed(one: Issued, *more: Issued, password: bytes | None = None, key: bool = True) -> bytes:
    kept = BestAvailableEncryption(password) if password else NoEncryption()
    others = [each.certificate for each in more]
    return serialize_key_and_certificates(b"chat", one.key if key else None, one.certificate, others, kept)


def test_der_is_read_like_pem(tmp_path: Path) -> None:
    (tmp_path / "chat.der").write_bytes(lasting(20).certificate.public_bytes(Encoding.DER))
    reading = ask("certificate", files=[f"{tmp_path}/chat.der"])
    assert round(reading.facts["days_left"] or 0) == 20
    assert verdict(files=(f"{tmp_path}/chat.der",)).status is Status.WARNING


def test_a_pkcs12_file_gives_all_its_certificates_and_never_its_key(tmp_path: Path) -> None:
    between = lasting(10, 3650, name="intermediate", ca=True, issuer=authority())
    one = lasting(60, issuer=between)
    (tmp_path / "chat.p12").write_bytes(packed(one, between))
    (raw,) = collect("certificate", files=[f"{tmp_path}/chat.p12"])
    reading = ask("certificate", files=[f"{tmp_path}/chat.p12"])
    assert round(reading.facts["days_left"] or 0) == 10
    assert (value(reading, "key_matches"), len(reading.evidence["days_left"])) == (1, 2)
    assert b"PRIVATE" not in raw.data
    assert one.key_pem.split(b"\n")[1] not in raw.data


@pytest.mark.parametrize("key", [True, False])
def test_an_encrypted_one_wants_its_password(tmp_path: Path, key: bool) -> None:
    path, word = tmp_path / "chat.pfx", tmp_path / "password"
    path.write_bytes(packed(lasting(60), password=b"hunter2", key=key))
    closed = ask("certificate", files=[str(path)])
    assert "set certificates.password_file" in str(closed.reason(f"readable {path}"))
    assert verdict(files=(str(path),)).status is Status.UNKNOWN
    word.write_text("hunter2\n")
    assert round(ask("certificate", files=[str(path)], password_file=str(word)).facts["days_left"] or 0) == 60
    assert verdict(files=(str(path),), password_file=str(word)).status is Status.OK
    word.write_text("swordfish")
    wrong = ask("certificate", files=[str(path)], password_file=str(word))
    assert "missing or wrong" in str(wrong.reason(f"readable {path}"))
    word.unlink()
    lost = ask("certificate", files=[str(path)], password_file=str(word))
    assert "No such file" in str(lost.reason(f"readable {path}"))


def test_one_without_password_opens_though_a_password_is_set(tmp_path: Path) -> None:
    (tmp_path / "chat.p12").write_bytes(packed(lasting(60)))
    (tmp_path / "password").write_text("hunter2")
    reading = ask("certificate", files=[f"{tmp_path}/chat.p12"], password_file=f"{tmp_path}/password")
    assert reading.facts["unreadable"] == 0


@pytest.mark.parametrize("size", [1, 20, 200, 700])
def test_what_is_cut_off_is_unknown_whatever_it_was(tmp_path: Path, size: int) -> None:
    whole = {
        "a.p12": packed(lasting(60)), "b.der": lasting(60).certificate.public_bytes(Encoding.DER),
        "c.pem": lasting(60).pem[:-30], "d.pem": lasting(60).pem + lasting(60).pem[:-40],
    }  # fmt: skip
    for name in ("a.p12", "b.der"):
        (tmp_path / name).write_bytes(whole[name][: min(size, len(whole[name]) - 5)])
        assert verdict(files=(f"{tmp_path}/{name}",)).status is Status.UNKNOWN, name
    (tmp_path / "c.pem").write_bytes(whole["c.pem"][: -size or None])
    assert verdict(files=(f"{tmp_path}/c.pem",)).status is Status.UNKNOWN


@pytest.mark.parametrize("data", [b"\x00" * 5000, b"\x30" * 5000, b"\x30\x84\xff\xff\xff\xff", bytes(range(256)) * 90])
def test_binary_rubbish_is_unknown(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.pem").write_bytes(data)
    assert verdict(files=(f"{tmp_path}/x.pem",)).status is Status.UNKNOWN


def test_of_a_folder_every_certificate_counts_and_the_rest_is_passed_over(tmp_path: Path) -> None:
    one = lasting(60)
    (tmp_path / "fullchain.pem").write_bytes(one.pem)
    (tmp_path / "privkey.pem").write_bytes(one.key_pem)
    (tmp_path / "dhparam.pem").write_bytes(b"-----BEGIN DH PARAMETERS-----\nMEYCQQ==\n-----END DH PARAMETERS-----\n")
    (tmp_path / "README").write_text("not a certificate")
    (tmp_path / "other.CRT").write_bytes(lasting(8).certificate.public_bytes(Encoding.DER))
    (tmp_path / "below").mkdir()
    stored(tmp_path / "below", lasting(-5))
    reading = ask("certificate", files=[str(tmp_path)])
    assert {Path(s.labels["certificate"]).name for s in series(reading, "readable")} == {"fullchain.pem", "other.CRT"}
    assert (round(reading.facts["days_left"] or 0), reading.facts["unreadable"]) == (8, 0)
    assert round(ask("certificate", files=[f"{tmp_path}/**"]).facts["days_left"] or 0) == -5


def test_in_a_folder_a_damaged_certificate_is_not_passed_over(tmp_path: Path) -> None:
    stored(tmp_path, lasting(60))
    for name, data in (("cut.pem", lasting(60).pem[:200]), ("odd.crt", b"nothing"), ("odd.p12", b"\x30\x03abc")):
        (tmp_path / name).write_bytes(data)
        assert verdict(files=(str(tmp_path),)).status is Status.UNKNOWN, name
        (tmp_path / name).unlink()
    assert verdict(files=(str(tmp_path),)).status is Status.OK


def test_a_folder_without_certificates_is_never_ok(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "privkey.pem").write_bytes(lasting(60).key_pem)
    good = stored(tmp_path, lasting(60))
    for name in ("empty", "keys"):
        path = str(tmp_path / name)
        assert "no certificate in this folder" in str(ask("certificate", files=[path]).reason(f"readable {path}"))
        assert verdict(files=(path, good)).status is Status.UNKNOWN


def test_of_too_many_files_the_rest_is_said_to_be_left_out(tmp_path: Path) -> None:
    pem = lasting(60).pem
    for number in range(301):
        (tmp_path / f"{number}.pem").write_bytes(pem)
    for given in (str(tmp_path), f"{tmp_path}/*.pem"):
        reading = ask("certificate", 30.0, files=[given])
        assert len(series(reading, "readable")) == 300
        assert "too many files" in str(reading.notes[0])


def test_a_folder_that_may_not_be_opened_is_unknown(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    stored(closed, lasting(60))
    for path in (closed, closed / "fullchain.pem"):
        call = f"CertificateProbe().collect(Args(({str(path)!r},)), Deadline(5))[0].data"
        assert "Permission denied" in as_nobody(tmp_path, "opskit.probes.certificate", call)


def test_names_in_certificates_cannot_drive_the_terminal(tmp_path: Path) -> None:
    judged = verdict(files=(stored(tmp_path, lasting(-1, names=("\x1b[31mred", "x\r\ny"))),))
    shown = " ".join(str(item.text) for item in judged.items)
    assert "\\x1b[31mred" in shown
    assert not {"\x1b", "\r", "\n"} & set(shown)


def test_a_certificate_without_any_name_is_told_by_its_number(tmp_path: Path) -> None:
    one = lasting(-1, names=("",))
    with pytest.raises(ProbeError, match="no certificate found"):
        ask("certificate", files=[f"{tmp_path}/*.pem"])
    assert verdict(files=(stored(tmp_path, one),)).status is Status.CRITICAL


def test_one_file_to_which_many_ways_lead_is_looked_at_once(tmp_path: Path) -> None:
    stored(tmp_path, lasting(60))
    for name in ("round", "and_round"):
        (tmp_path / name).symlink_to(tmp_path)
    reading = ask("certificate", files=[f"{tmp_path}/**/*.pem"])
    assert (len(series(reading, "readable")), reading.notes) == (1, ())


def test_what_certbot_has_put_aside_is_not_judged_by_a_pattern_that_meets_it(tmp_path: Path) -> None:
    archive, live = (tmp_path / kind / "chat.example.test" for kind in ("archive", "live"))
    archive.mkdir(parents=True)
    stored(archive, lasting(-40), name="fullchain1.pem")
    stored(archive, lasting(60), name="fullchain2.pem")
    assert verdict(files=(f"{tmp_path}/**/*.pem",)).status is Status.CRITICAL  # whose they are is not known
    live.mkdir(parents=True)
    (live / "fullchain.pem").symlink_to(archive / "fullchain2.pem")
    judged = verdict(files=(f"{tmp_path}/**/*.pem",))
    assert (judged.status, {s.labels["certificate"] for s in judged.samples}) == (Status.OK, {f"{live}/fullchain.pem"})


def test_a_second_certificate_that_breaks_off_makes_the_file_useless(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(lasting(60).pem + lasting(60).pem[:-40])
    assert verdict(files=(f"{tmp_path}/x.pem",)).status is Status.UNKNOWN


def test_a_file_full_of_beginnings_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n" * 140_000)
    (tmp_path / "y.pem").write_bytes(lasting(60).pem + b"-----BEGIN PRIVATE KEY-----\n" * 140_000)
    reading = ask("certificate", files=[f"{tmp_path}/x.pem", f"{tmp_path}/y.pem"])
    assert reading.facts["unreadable"] == 1
