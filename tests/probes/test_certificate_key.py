"""Private keys beside certificates: whose they are, who may read them, and what cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from opskit.model.status import Status
from tests.probes.asking import as_nobody, ask, collect, series, value
from tests.probes.authority import Issued, lasting
from tests.probes.test_certificate import stored, verdict

PAIRS = [
    ("fullchain.pem", "privkey.pem"), ("cert.pem", "privkey.pem"), ("chat.example.test.crt", "chat.example.test.key"),
    ("chat.pem", "chat.key"), ("chat.pem", "chat-key.pem"),
]  # fmt: skip


def pair(folder: Path, one: Issued, key: bytes, names: tuple[str, str] = PAIRS[0], mode: int = 0o600) -> str:
    (folder / names[1]).write_bytes(key)
    (folder / names[1]).chmod(mode)
    return stored(folder, one, name=names[0])


@pytest.mark.parametrize("names", PAIRS)
@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_the_key_is_found_and_compared(tmp_path: Path, names: tuple[str, str], kind: str) -> None:
    one = lasting(60, kind=kind)
    path = pair(tmp_path, one, one.key_pem, names)
    assert value(ask("certificate", files=[path]), "key_matches") == 1
    assert verdict(files=(path,)).status is Status.OK
    (raw,) = collect("certificate", files=[path])
    assert b"PRIVATE" not in raw.data
    assert one.key_pem.split(b"\n")[1] not in raw.data


@pytest.mark.parametrize("other", ["rsa", "ec"])
def test_the_key_of_another_certificate_is_critical_whatever_its_kind(tmp_path: Path, other: str) -> None:
    path = pair(tmp_path, lasting(60, kind="rsa"), lasting(60, kind=other).key_pem)
    judged = verdict(files=(path,))
    assert judged.status is Status.CRITICAL
    assert f"the private key is not the certificate's ({tmp_path}/privkey.pem)" in str(judged.items[0].text)


def test_one_key_of_several_that_fits_is_enough(tmp_path: Path) -> None:
    one = lasting(60)
    (tmp_path / "chat.key").write_bytes(lasting(60).key_pem)
    path = pair(tmp_path, one, one.key_pem, ("chat.pem", "chat-key.pem"))
    assert value(ask("certificate", files=[path]), "key_matches") == 1
    (tmp_path / "both.pem").write_bytes(lasting(60).key_pem + one.key_pem + one.pem)
    assert value(ask("certificate", files=[f"{tmp_path}/both.pem"]), "key_matches") == 1


def test_without_a_key_nothing_is_said_of_one(tmp_path: Path) -> None:
    reading = ask("certificate", files=[stored(tmp_path, lasting(60))])
    assert series(reading, "key_matches") + series(reading, "key_private") == []
    assert reading.notes == ()


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_is_not_compared_unless_its_password_is_known(tmp_path: Path, form: PrivateFormat) -> None:
    one = lasting(60)
    path = pair(tmp_path, one, one.key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"hunter2")))
    reading = ask("certificate", files=[path])
    assert series(reading, "key_matches") == []
    assert "was not compared: it is encrypted" in str(reading.notes[0])
    assert verdict(files=(path,)).status is Status.OK
    (tmp_path / "word").write_text("hunter2")
    assert value(ask("certificate", files=[path], password_file=f"{tmp_path}/word"), "key_matches") == 1
    (tmp_path / "word").write_text("other")
    assert series(ask("certificate", files=[path], password_file=f"{tmp_path}/word"), "key_matches") == []


def test_a_key_in_der_is_read_and_rubbish_is_no_verdict(tmp_path: Path) -> None:
    one = lasting(60)
    path = pair(tmp_path, one, one.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    assert value(ask("certificate", files=[path]), "key_matches") == 1
    for rubbish in (b"", b"\0" * 99, one.key_pem[:90], one.key_pem.replace(b"M", b"!", 2)):
        pair(tmp_path, one, rubbish)
        reading = ask("certificate", files=[path])
        assert series(reading, "key_matches") == []
        assert "was not compared" in str(reading.notes)


@pytest.mark.parametrize(
    ("mode", "private"), [(0o600, 1), (0o640, 1), (0o660, 1), (0o644, 0), (0o604, 0), (0o602, 0), (0o601, 1)]
)
def test_a_key_that_everybody_may_read_is_a_warning(tmp_path: Path, mode: int, private: int) -> None:
    as_nobody(tmp_path, "os", "0")  # opens the folders on the way
    tmp_path.chmod(0o755)
    one = lasting(60)
    path = pair(tmp_path, one, one.key_pem, mode=mode)
    assert value(ask("certificate", files=[path]), "key_private") == private
    assert verdict(files=(path,)).status is (Status.OK if private else Status.WARNING)


def test_in_a_folder_that_nobody_else_may_enter_the_mode_does_no_harm(tmp_path: Path) -> None:
    one = lasting(60)
    path = pair(tmp_path, one, one.key_pem, mode=0o644)
    tmp_path.chmod(0o700)
    assert value(ask("certificate", files=[path]), "key_private") == 1


def test_a_key_in_the_certificates_own_file_makes_the_file_a_secret(tmp_path: Path) -> None:
    as_nobody(tmp_path, "os", "0")
    one, path = lasting(60), tmp_path / "both.pem"
    path.write_bytes(one.pem + one.key_pem)
    path.chmod(0o644)
    assert value(ask("certificate", files=[str(path)]), "key_private") == 0
    path.chmod(0o640)
    assert value(ask("certificate", files=[str(path)]), "key_private") == 1


def test_a_key_that_opskit_may_not_read_is_a_note_and_no_alarm(tmp_path: Path) -> None:
    one = lasting(60)
    path = pair(tmp_path, one, one.key_pem)
    Path(path).chmod(0o644)
    call = (
        f"(lambda p, a: p.read(p.collect(a, Deadline(5)), a, datetime.now().astimezone()))"
        f"(CertificateProbe(), Args(({path!r},)))"
    )
    said = as_nobody(tmp_path, "opskit.probes.certificate", call)
    assert "was not compared" in said
    assert "Permission denied" in said
    assert "metric='key_matches'" not in said
    assert "metric='key_private', value=1.0" in said
