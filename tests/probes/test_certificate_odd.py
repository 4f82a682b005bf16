"""Certificates that are whole and strange, and evidence of every kind that was damaged."""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest

from opskit.app import bundle as bundles
from opskit.probes.registry import probe
from tests.probes.asking import ask, collect, make, series
from tests.probes.authority import NOW, Issued, authority, lasting, server_context
from tests.probes.server import Talk, serving
from tests.probes.test_certificate import stored
from tests.probes.test_fuzz import HARMS, SAMPLES, endure

# openssl ecparam -name SM2; openssl req -x509 -new -sm3 -days 36500: a curve that cryptography does not know.
SM2 = """-----BEGIN CERTIFICATE-----
MIIBjTCCATOgAwIBAgIUIvdQSp/WMYibAyrXkMKMxYnZ7CgwCgYIKoEcz1UBg3Uw
GzEZMBcGA1UEAwwQc20yLmV4YW1wbGUudGVzdDAgFw0yNjExMjgwMDQyNDdaGA8y
MTI2MTEwNDAwNDI0N1owGzEZMBcGA1UEAwwQc20yLmV4YW1wbGUudGVzdDBZMBMG
ByqGSM49AgEGCCqBHM9VAYItA0IABFJom+Q4tf3z9jBJvrLAFZcURP7JomDD4zAu
chAiTdNwCLNNCETyK+1qP1N1fmmCIjDgCCCLaQO/tV+ApdZH4gOjUzBRMB0GA1Ud
DgQWBBQhJK22V4GXx4UHWeNo2gvlfV6ofzAfBgNVHSMEGDAWgBQhJK22V4GXx4UH
WeNo2gvlfV6ofzAPBgNVHRMBAf8EBTADAQH/MAoGCCqBHM9VAYN1A0gAMEUCIGIj
qmNb5eEuksydKuWelE1zs/5ujmCS0qMq84yLA6dIAiEAgbcpWmV7e7OC0Ev542mj
YB0bSK+vXAKYEf3kelYLnLs=
-----END CERTIFICATE-----
"""
SM2_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqBHM9VAYItBG0wawIBAQQgzcsz/d9KvH3E7XFK
6ZkR2td1Wxj72KKOMvv9BLI8moyhRANCAARSaJvkOLX98/YwSb6ywBWXFET+yaJg
w+MwLnIQIk3TcAizTQhE8ivtaj9TdX5pgiIw4Aggi2kDv7VfgKXWR+ID
-----END PRIVATE KEY-----
"""


@pytest.mark.parametrize("key", [SM2_KEY, "other"])
def test_a_key_of_a_kind_that_is_not_known_is_not_judged(tmp_path: Path, key: str) -> None:
    (tmp_path / "sm2.crt").write_text(SM2)
    (tmp_path / "sm2.key").write_bytes(lasting(60).key_pem if key == "other" else key.encode())
    reading = ask("certificate", files=[f"{tmp_path}/sm2.crt"])
    assert (reading.facts["days_left"] or 0) > 9000
    assert series(reading, "strong") + series(reading, "key_matches") == []
    notes = " ".join(map(str, reading.notes))
    assert "its strength was not judged" in notes
    assert f"the key {tmp_path}/sm2.key was not compared" in notes


@pytest.mark.filterwarnings("ignore:Parsed a .* number which wasn't positive")
def test_damaged_evidence_is_read_or_refused(tmp_path: Path) -> None:
    ca, live = authority(), tmp_path / "le" / "live" / "chat.example.test"
    live.mkdir(parents=True)
    (tmp_path / "le" / "renewal").mkdir()
    (tmp_path / "le" / "renewal" / "chat.example.test.conf").write_text("version = 4.1.1\n")
    (tmp_path / "letsencrypt.log").write_text("Failed to renew certificate chat.example.test with error: no\n")
    file, one = stored(live, lasting(20, issuer=ca)), lasting(60, issuer=ca)
    (live / "privkey.pem").write_bytes(one.key_pem)
    with serving(Talk.hang, server_context(tmp_path, one)) as server:
        places = [
            f"127.0.0.1:{server.port}/chat.example.test",
            f"127.0.0.1:{server.port}/x",
            f"imap://127.0.0.1:{server.port}",
        ]
        given = {"files": [file], "endpoints": places, "ca_file": stored(tmp_path, ca), "certbot_logs": str(tmp_path)}
        (raw,) = collect("certificate", 2.0, **given)
    found = json.loads(raw.data)
    assert (found["renewal"]["failed"], found["seen"][0]["key"]["failure"]) == ({"chat.example.test": "no"}, None)
    bundle, chance, args = bundles.read(SAMPLES / "control-healthy"), random.Random(7), make("certificate")[1]
    for harm in HARMS:
        for _ in range(20):
            endure(probe("certificate"), args, [type(raw)(raw.name, harm(raw.data, chance), raw.origin)], bundle, harm)


def crossed(name: str, root: Issued, elder: Issued, days: float) -> Issued:
    """The certificate of a root's key, signed by an elder one."""
    found = Issued(name, NOW - timedelta(days=900), NOW + timedelta(days=days), issuer=elder, ca=True, key=root.key)
    assert found.certificate.subject == root.certificate.subject
    return found


@pytest.mark.parametrize("known", [True, False])
def test_a_cross_signature_that_has_ended_is_no_end_of_the_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    root, elder = authority(), Issued("elder CA", NOW - timedelta(days=4000), NOW - timedelta(days=9), ca=True)
    middle = Issued("middle CA", NOW - timedelta(days=99), NOW + timedelta(days=400), issuer=root, ca=True)
    needless = crossed("practice CA", root, elder, -10)
    file = stored(tmp_path, lasting(60, issuer=middle), middle, needless, elder)
    store = tmp_path / "store.crt"
    store.write_bytes(root.pem if known else elder.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(store))
    reading = ask("certificate", files=[file])
    assert ((reading.facts["days_left"] or 0) > 50) is known
    assert any("practice CA in it has ended and can go" in str(note) for note in reading.notes) is known
    # What has signed the server's own certificate is needed, whatever the store holds.
    assert (
        ask("certificate", files=[stored(tmp_path, lasting(60, issuer=root), needless)]).facts["days_left"] or 0
    ) < 0
