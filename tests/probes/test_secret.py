"""Keys in files and variables: what is sent, and what is refused without being shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.probes.base import ProbeError
from opskit.probes.secret import secret_of
from tests.probes.asking import as_nobody


@pytest.mark.parametrize("data", [b"k3y-0123\n", b"  k3y-0123 \r\n", b"\xef\xbb\xbfk3y-0123"])
def test_a_key_is_read_without_what_editors_add(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "key").write_bytes(data)
    assert secret_of(str(tmp_path / "key"), {}) == "k3y-0123"


def test_a_key_comes_from_the_environment() -> None:
    assert secret_of("$GATE_KEY", {"GATE_KEY": "k3y"}) == "k3y"
    for environment in ({}, {"GATE_KEY": " "}):
        with pytest.raises(ProbeError, match=r"\$GATE_KEY is not set"):
            secret_of("$GATE_KEY", environment)


@pytest.mark.parametrize("data", [b"first\nsecond", "密钥".encode(), b"a key", b"\x01\x02"])
def test_what_no_header_can_carry_is_refused_and_not_shown(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(ProbeError, match="does not hold one key") as caught:
        secret_of(str(tmp_path / "key"), {})
    assert data.decode() not in str(caught.value)


def test_a_key_that_cannot_be_read_is_named_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    expected = {
        "missing": "No such file",
        "empty": "is empty",
        "binary": "not text",
        ".": "Is a directory",
        "\0": "not",
    }
    for name, words in expected.items():
        with pytest.raises(ProbeError, match=words):
            secret_of(f"{tmp_path}/{name}", {})


def test_an_unreadable_key_is_said_to_be_so(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k3y-0123")
    key.chmod(0)
    said = as_nobody(tmp_path, "opskit.probes.secret", f"secret_of({str(key)!r}, {{}})")
    assert "cannot be read: Permission denied" in said
