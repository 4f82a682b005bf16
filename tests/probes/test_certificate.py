"""Certificates in files: kinds of keys, lengths of life, chains, and files that are none."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opskit.app.observe import Live, job
from opskit.app.observe import observe as observed
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.settings import CertificateSettings, NginxSettings, Settings, Stack
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.probes.base import ProbeError
from tests.probes.asking import as_nobody, ask, collect, replay, series, value
from tests.probes.authority import NOW, Issued, authority, lasting

NO_CONF = os.devnull
"""An empty configuration: what the machine's own Nginx uses is no matter of a test."""


def stored(folder: Path, *chain: Issued, name: str = "fullchain.pem") -> str:
    path = folder / name
    path.write_bytes(b"".join(each.pem for each in chain))
    return str(path)


def verdict(conf: str = NO_CONF, **given: object) -> Verdict:
    """Run the shipped check as the program does, on a host whose Nginx has this configuration."""
    check = checks.load(None).good["certificate"]
    stack = Stack(nginx=NginxSettings(conf=conf))
    settings = Settings(stack, CertificateSettings(**{"files": (), **given}))  # type: ignore[arg-type]
    asked = job(check.id, check.probe, check.args, 5.0, settings, "checks")
    ((_, reading),) = observed([asked], Live())
    return evaluate(check, reading, 0.0)


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_dates_are_measured_whatever_the_key(tmp_path: Path, kind: str) -> None:
    path = stored(tmp_path, lasting(60, kind=kind))
    reading = ask("certificate", files=[path])
    assert round(reading.facts["days_left"] or 0) == 60
    assert (value(reading, "readable", certificate=path), value(reading, "begun")) == (1, 1)
    assert round(value(reading, "validity_left_pct") or 0) == 67
    assert "chat.example.test ends " in reading.evidence["days_left"][0].text
    assert reading.facts["trusted"] is None
    assert reading.reason("trusted")


@pytest.mark.parametrize(
    ("days", "lifetime", "status"),
    [
        (60, 90, Status.OK),
        (23, 90, Status.OK),
        (22, 90, Status.WARNING),
        (8, 90, Status.CRITICAL),
        (-1, 90, Status.CRITICAL),
        (400, 3650, Status.OK),  # ten years, of which certbot knows nothing: counted like ninety days
        (30, 3650, Status.OK),
        (20, 3650, Status.WARNING),
        (5, 3650, Status.CRITICAL),
        (3, 160 / 24, Status.OK),  # 160 hours: three days are nearly half of it
        (1.5, 160 / 24, Status.WARNING),
        (0.5, 160 / 24, Status.CRITICAL),
        (12, 47, Status.OK),
    ],
)
def test_the_share_that_is_left_decides_and_never_the_days_alone(
    tmp_path: Path, days: float, lifetime: float, status: Status
) -> None:
    assert verdict(files=(stored(tmp_path, lasting(days, lifetime)),)).status is status


def test_an_expired_certificate_says_so(tmp_path: Path) -> None:
    judged = verdict(files=(stored(tmp_path, lasting(-2)),))
    assert "expired" in str(judged.items)
    assert "could be read" not in str(judged.items)
    assert ask("certificate", files=[stored(tmp_path, lasting(-2))]).facts["days_left"] < 0  # type: ignore[operator]


def test_one_that_has_not_begun_is_critical_wherever_it_stands_in_the_chain(tmp_path: Path) -> None:
    begins = NOW + timedelta(days=2)
    young = Issued("young", begins, begins + timedelta(days=90))
    assert verdict(files=(stored(tmp_path, young),)).status is Status.CRITICAL
    assert verdict(files=(stored(tmp_path, young, lasting(70, 3650)),)).status is Status.CRITICAL
    skewed = Issued("skewed", NOW + timedelta(seconds=120), NOW + timedelta(days=90))
    assert verdict(files=(stored(tmp_path, skewed),)).status is Status.OK


def test_of_a_chain_the_one_that_ends_first_counts(tmp_path: Path) -> None:
    between = lasting(10, 3650, name="intermediate", ca=True, issuer=authority())
    reading = ask("certificate", files=[stored(tmp_path, lasting(80, issuer=between), between)])
    assert round(reading.facts["days_left"] or 0) == 10
    assert reading.evidence["days_left"][0].text.startswith("intermediate ends ")


def test_of_several_files_the_worst_counts_and_each_is_listed(tmp_path: Path) -> None:
    paths = [stored(tmp_path, lasting(days), name=f"{days}.pem") for days in (80, 20)]
    reading = ask("certificate", files=[f"{tmp_path}/*.pem"])
    assert round(reading.facts["days_left"] or 0) == 20
    assert {sample.labels["certificate"] for sample in series(reading, "days_left")} == set(paths)


def test_a_private_key_in_the_same_file_is_never_collected(tmp_path: Path) -> None:
    one = lasting(60, kind="rsa")
    (tmp_path / "both.pem").write_bytes(one.key_pem + b"# a note\n" + one.pem + one.key_pem)
    (raw,) = collect("certificate", files=[f"{tmp_path}/both.pem"])
    assert b"PRIVATE" not in raw.data
    assert one.key_pem.split(b"\n")[1] not in raw.data
    assert replay("certificate", (raw,)).facts["unreadable"] == 0


def test_what_cannot_be_read_is_unknown_and_never_fine(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(lasting(60).key_pem)
    (tmp_path / "empty.pem").touch()
    half = lasting(60).pem
    (tmp_path / "half.pem").write_bytes(half[:200] + b"\n-----END CERTIFICATE-----\n")
    (tmp_path / "cut.pem").write_bytes(half[:200])
    (tmp_path / "folder.pem").mkdir()
    words = {
        "key.pem": "holds no certificate", "empty.pem": "holds no certificate", "cut.pem": "cut off",
        "half.pem": "cannot be parsed", "folder.pem": "no certificate in this folder", "missing.pem": "no such file",
    }  # fmt: skip
    for name, expected in words.items():
        path = str(tmp_path / name)
        reading = ask("certificate", files=[path])
        assert (reading.facts["days_left"], reading.facts["unreadable"]) == (None, 1)
        assert expected in str(reading.reason(f"readable {path}"))
        assert verdict(files=(path,)).status is Status.UNKNOWN, name
    good = stored(tmp_path, lasting(60))
    assert verdict(files=(good, str(tmp_path / "missing.pem"))).status is Status.UNKNOWN
    assert verdict(files=(stored(tmp_path, lasting(-1)), str(tmp_path / "missing.pem"))).status is Status.CRITICAL


def test_one_broken_certificate_makes_its_file_useless(tmp_path: Path) -> None:
    good = lasting(60).pem
    (tmp_path / "x.pem").write_bytes(good + good[:300] + b"\n-----END CERTIFICATE-----\n")
    assert ask("certificate", files=[f"{tmp_path}/x.pem"]).facts["days_left"] is None


def test_a_file_that_may_not_be_read_is_unknown(tmp_path: Path) -> None:
    path = Path(stored(tmp_path, lasting(60)))
    path.chmod(0o600)
    call = f"CertificateProbe().collect(Args(({str(path)!r},)), Deadline(5))[0].data"
    assert "Permission denied" in as_nobody(tmp_path, "opskit.probes.certificate", call)


def test_a_pattern_that_matches_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(ProbeError, match=r"no certificate found at .*: set certificates"):
        ask("certificate", files=[f"{tmp_path}/*.pem"])
    reading = ask("certificate", files=[f"{tmp_path}/live/*/x.pem", stored(tmp_path, lasting(60))])
    assert "no file matches" in str(reading.notes[0])
    with pytest.raises(ProbeError, match="no certificate found at -"):
        ask("certificate")


def test_dates_are_exact_in_any_zone(tmp_path: Path) -> None:
    raws = collect("certificate", files=[stored(tmp_path, lasting(60))])
    left = [replay("certificate", raws, datetime.now(UTC).astimezone(zone)).facts["days_left"] for zone in (None, UTC)]
    assert round(left[0] or 0, 3) == round(left[1] or 1, 3)


def test_an_intermediate_near_its_end_counts_though_a_short_leaf_ends_before_it(tmp_path: Path) -> None:
    between = lasting(5, 1095, name="intermediate", ca=True, issuer=authority())
    judged = verdict(files=(stored(tmp_path, lasting(4, 160 / 24, issuer=between), between),))
    assert judged.status is Status.CRITICAL
    assert "intermediate ends " in str(judged.items[0].text)
