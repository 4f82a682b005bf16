"""What was understood of certificates and keys is kept: told again without the library, and without a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from opskit.probes import x509_known
from opskit.probes.x509 import Certificate
from opskit.probes.x509_known import keep, parsed
from opskit.probes.x509_reader import understood
from tests.probes.authority import Issued, authority, lasting
from tests.probes.test_certificate import stored
from tests.probes.test_certificate_odd import SM2, SM2_KEY

ASKED = """
import sys
from datetime import UTC, datetime
from opskit.probes.base import Deadline
from opskit.probes.registry import probe
found = probe("certificate")
password = sys.argv[2] or None
args = type(found).arguments(files=(sys.argv[1],), password_file=password, schedules=(), acme_homes=())
print(found.read(found.collect(args, Deadline(5)), args, datetime(2026, 11, 29, tzinfo=UTC)))
print("cryptography" in sys.modules)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, of which this process knows nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    x509_known._album.cache_clear()
    return tmp_path / "cache"


def asked(path: str, password: str = "") -> tuple[str, bool]:
    """What a new process tells of a file, and whether it had to load the library."""
    words = [sys.executable, "-c", ASKED, path, password]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    return told[0], told[1] == "True"


def kept(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in (home / "opskit").iterdir())


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_the_same_is_told_without_the_library(home: Path, tmp_path: Path, kind: str) -> None:
    root = authority()
    one = lasting(60, kind=kind, issuer=root, names=("chat.example.test", "*.example.test"), fetched=True)
    (tmp_path / "privkey.pem").write_bytes(one.key_pem)
    path = stored(tmp_path, one, root)
    first, again = asked(path), asked(path)
    assert "key_matches" in first[0]
    assert again[0] == first[0]
    assert (first[1], again[1]) == (True, False)


def test_a_der_file_is_known_too(home: Path, tmp_path: Path) -> None:
    (tmp_path / "chat.der").write_bytes(lasting(60).certificate.public_bytes(Encoding.DER))
    first, again = asked(f"{tmp_path}/chat.der"), asked(f"{tmp_path}/chat.der")
    assert "readable" in first[0]
    assert again == (first[0], False)


def test_of_a_private_key_nothing_is_kept_but_what_names_it(home: Path, tmp_path: Path) -> None:
    one = lasting(60)
    (tmp_path / "privkey.pem").write_bytes(one.key_pem)
    asked(stored(tmp_path, one))
    assert one.pem.strip() in kept(home)
    assert b"PRIVATE" not in kept(home)
    assert not any(line in kept(home) for line in one.key_pem.splitlines()[1:-1])
    assert {path.stat().st_mode & 0o777 for path in (home / "opskit").iterdir()} == {0o600}


def test_another_key_of_the_same_time_and_size_is_noticed(home: Path, tmp_path: Path) -> None:
    one, other = lasting(60), lasting(60)
    key = tmp_path / "privkey.pem"
    key.write_bytes(one.key_pem)
    about, path = key.stat(), stored(tmp_path, one)
    first = asked(path)[0]
    key.write_bytes(other.key_pem)
    os.utime(key, ns=(about.st_atime_ns, about.st_mtime_ns))
    assert key.stat().st_size == about.st_size
    told = asked(path)[0]
    assert "metric='key_matches', value=1.0" in first
    assert "metric='key_matches', value=0.0" in told


def test_a_password_is_asked_for_each_time(home: Path, tmp_path: Path) -> None:
    one = lasting(60)
    locked = one.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"sesame"))
    (tmp_path / "privkey.pem").write_bytes(locked)
    path, password = stored(tmp_path, one), tmp_path / "password"
    password.write_text("sesame")
    for _ in range(2):
        assert "metric='key_matches', value=1.0" in asked(path, str(password))[0]
    password.write_text("other")
    assert "key_matches" not in asked(path, str(password))[0]


def test_what_was_not_understood_wholly_is_read_again(home: Path, tmp_path: Path) -> None:
    (tmp_path / "fullchain.pem").write_text(SM2)
    (tmp_path / "privkey.pem").write_text(SM2_KEY)
    assert [asked(f"{tmp_path}/fullchain.pem")[1] for _ in range(2)] == [True, True]
    (tmp_path / "broken.pem").write_bytes(lasting(60).pem.replace(b"MII", b"MIJ", 1))
    assert [asked(f"{tmp_path}/broken.pem")[1] for _ in range(2)] == [True, True]


@pytest.mark.parametrize(
    "one",
    [
        lasting(60),
        lasting(60, kind="rsa1024"),
        authority(),
        Issued("old", datetime(1950, 1, 2, tzinfo=UTC), datetime(1960, 1, 2, tzinfo=UTC)),
        Issued("for ever", datetime(2020, 1, 2, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        Issued('名, O="x\\\n', datetime(2020, 1, 2, tzinfo=UTC), datetime(2030, 1, 2, tzinfo=UTC), names=("a.test",)),
    ],
    ids=lambda one: one.name,
)  # fmt: skip
def test_what_is_recalled_is_what_was_read(home: Path, one: Issued) -> None:
    text = one.pem.decode()
    read = parsed(text)
    assert read == understood(text)
    keep([text])
    x509_known._album.cache_clear()
    assert x509_known._album().certificates == {text: read}


def test_what_is_full_makes_room_for_what_is_in_use(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x509_known, "_MOST", 3)
    old, new = ([lasting(day).pem.decode() for day in days] for days in ((1, 2, 3), (4, 5)))

    def ran(used: list[str]) -> list[bool]:
        """What a process does that looks at these: which of them it knew."""
        x509_known._album.cache_clear()
        known = [text in x509_known._album().certificates for text in used]
        assert all(isinstance(parsed(text), Certificate) for text in used)
        keep(used)
        return known

    assert ran(old) == [False, False, False]
    assert ran(old) == [True, True, True]
    assert ran(new) == [False, False], "there is no room yet"
    assert ran(new) == [False, False]
    assert ran(new) == [True, True]
    assert ran(old + new) == [False, False, False, True, True]
    assert sum(ran(old + new)) == 3, "as many as there is room for"
