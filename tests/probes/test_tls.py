"""Which authorities a client of ours believes."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from opskit.probes.base import ProbeError
from opskit.probes.tls import tls_context
from tests.probes.authority import authority


def test_a_ca_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for path in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(ProbeError, match="cannot be used"):
            tls_context(verify=True, ca_file=str(path))


def test_the_client_still_accepts_authorities_without_key_identifiers(tmp_path: Path) -> None:
    ca = authority()  # the certificates of this folder carry none
    (tmp_path / "ca.pem").write_bytes(ca.pem)
    context = tls_context(verify=True, ca_file=str(tmp_path / "ca.pem"))
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
