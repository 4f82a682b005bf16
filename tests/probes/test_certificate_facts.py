"""What playbooks ask about certificates: told only where it is proven, and the worst of all that was looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.model.reading import Reading
from tests.probes.asking import ask
from tests.probes.authority import Issued, authority, lasting, server_context
from tests.probes.server import Talk, serving
from tests.probes.test_certificate import stored
from tests.probes.test_certificate_served import NAME, old_file, served

ASKED = ("trusted", "another_name", "chain_short")


def shown(folder: Path, *chain: Issued, name: str = f"/{NAME}", ca: Issued | None = None) -> Reading:
    """What is told of a server with this chain."""
    known = stored(folder, ca, name="ca.pem") if ca else None
    with serving(Talk.hang, server_context(folder, *chain)) as server:
        return ask("certificate", endpoints=[f"127.0.0.1:{server.port}{name}"], ca_file=known)


def facts(reading: Reading) -> tuple[object, ...]:
    return tuple(reading.facts[name] for name in ASKED)


def test_a_sound_server_has_nothing_against_it(tmp_path: Path) -> None:
    ca = authority()
    reading = shown(tmp_path, lasting(60, issuer=ca), ca=ca)
    assert facts(reading) == (True, False, False)
    assert (reading.facts["flaws"], reading.facts["unreadable"]) == (0, 0)
    assert 60 < (reading.facts["left_pct"] or 0) < 70  # type: ignore[operator]
    assert reading.facts["renewal_failed"] is None
    assert "no renewer was found" in str(reading.reason("renewal_failed"))


def test_a_name_that_is_not_among_those_of_the_certificate(tmp_path: Path) -> None:
    ca = authority()
    assert facts(shown(tmp_path, lasting(60, issuer=ca), ca=ca, name="/other.example.test")) == (False, True, False)


def test_an_address_proves_nothing_about_the_name(tmp_path: Path) -> None:
    ca = authority()
    one = Issued(NAME, lasting(60).certificate.not_valid_before_utc, lasting(60).certificate.not_valid_after_utc,
                 issuer=ca, ca=True)  # fmt: skip
    assert facts(shown(tmp_path, one, ca=ca, name="")) == (False, None, False)


def test_a_missing_intermediate_is_told_where_the_certificate_says_that_it_can_be_fetched(tmp_path: Path) -> None:
    ca = authority()
    between = lasting(300, 3650, name="intermediate", ca=True, issuer=ca)
    bare = shown(tmp_path, lasting(60, issuer=between, fetched=True), ca=ca)
    assert facts(bare) == (False, None, True)
    whole = shown(tmp_path, lasting(60, issuer=between, fetched=True), between, ca=ca)
    assert facts(whole) == (True, False, False)


@pytest.mark.parametrize("fetched", [False, True])
def test_an_authority_that_is_not_known_here_is_no_missing_intermediate(tmp_path: Path, fetched: bool) -> None:
    ca, other = authority(), lasting(3000, 3650, name="another CA", ca=True)
    between = lasting(300, 3650, name="intermediate", ca=True, issuer=other)
    assert facts(shown(tmp_path, lasting(60, issuer=between, fetched=fetched), between, ca=ca)) == (False, None, None)
    assert facts(shown(tmp_path, lasting(60, issuer=other), ca=ca))[2] is None
    assert facts(shown(tmp_path, lasting(60, fetched=fetched), ca=ca))[2] is not True


def test_one_that_has_ended_has_its_name_and_its_chain_all_the_same(tmp_path: Path) -> None:
    ca = authority()
    reading = shown(tmp_path, lasting(-3, issuer=ca), ca=ca)
    assert facts(reading) == (False, False, False)
    assert (reading.facts["left_pct"] or 0) < 0  # type: ignore[operator]


def test_a_newer_one_on_disk_wants_a_reload(tmp_path: Path) -> None:
    ca = authority()
    path = old_file(tmp_path, lasting(89, issuer=ca))
    assert served(tmp_path, lasting(28, issuer=ca), ca, path).facts["reload_due"] is True


def test_without_an_endpoint_nothing_is_known_of_servers(tmp_path: Path) -> None:
    reading = ask("certificate", files=[stored(tmp_path, lasting(60))])
    assert facts(reading) == (None, None, None)
    assert reading.facts["reload_due"] is None
    assert "no endpoint showed a certificate" in str(reading.reason("another_name"))
