"""acme.sh, lego, dehydrated and Caddy: late by the rule of each, and what is said where nobody can tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.app.observe import Live, job
from opskit.app.observe import observe as observed
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.settings import Settings
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from tests.probes.asking import as_nobody, ask, series
from tests.probes.authority import NOW, Issued, lasting
from tests.probes.test_certificate import stored

NAME = "chat.example.test"
DAY = 86400


def given(folder: Path, path: str | Path) -> dict[str, object]:
    return {"files": [str(path)], "nginx_conf": None, "schedules": [f"{folder}/cron.d/*", f"{folder}/timers/*.timer"],
            "certbot_logs": f"{folder}/none", "acme_homes": [f"{folder}/home/.acme.sh"]}  # fmt: skip


def judged(folder: Path, path: str | Path) -> Verdict:
    check = checks.load(None).good["certificate"]
    ((_, reading),) = observed([job("c", "certificate", given(folder, path), 5.0, Settings(), "checks")], Live())
    return evaluate(check, reading, 0.0)


def told(found: Verdict) -> str:
    return " ".join(str(item.text) for item in found.items if item.status is not Status.OK)


def notes(folder: Path, path: str | Path) -> list[str]:
    return [str(note) for note in ask("certificate", **given(folder, path)).notes]


def cron(folder: Path, line: str) -> None:
    (folder / "cron.d").mkdir(exist_ok=True)
    (folder / "cron.d" / "renew").write_text(f"MAILTO=acme.sh@example.test\n0 3 * * * root {line}\n")


def acme(folder: Path, one: Issued, due_in_days: float | str, target: str = "") -> Path:
    """acme.sh's folder for a certificate that it renews so many days from now."""
    home = folder / "home" / ".acme.sh" / f"{NAME}_ecc"
    home.mkdir(parents=True, exist_ok=True)
    (home / f"{NAME}.cer").write_bytes(one.pem)
    (home / "fullchain.cer").write_bytes(one.pem)
    due = due_in_days if isinstance(due_in_days, str) else f"{NOW.timestamp() + due_in_days * DAY:.0f}"
    (home / f"{NAME}.conf").write_text(
        f"Le_Domain='{NAME}'\nLe_ReloadCmd='__ACME_BASE64__START_c2VjcmV0__ACME_BASE64__END_'\n"
        f"Le_NextRenewTime='{due}'\nLe_RealFullChainPath='{target}'\n"
    )
    return home / "fullchain.cer"


def test_acme_is_late_by_what_it_wrote_down(tmp_path: Path) -> None:
    cron(tmp_path, '"/root/.acme.sh"/acme.sh --cron --home "/root/.acme.sh"')
    one = lasting(25)
    place = stored(tmp_path, one, name="site.pem")
    acme(tmp_path, one, -0.5, place)
    assert judged(tmp_path, place).status is Status.OK
    acme(tmp_path, one, -4, place)
    found = judged(tmp_path, place)
    assert found.status is Status.WARNING
    assert told(found) == (f"{place}: renewal is overdue (acme.sh renews it 29.0 days before its end, 25.0 are left)")
    (tmp_path / "cron.d" / "renew").unlink()
    assert "nothing was found that starts acme.sh: no timer and no cron job" in told(judged(tmp_path, place))


def test_acmes_certificate_is_known_wherever_it_was_copied(tmp_path: Path) -> None:
    one = lasting(25)
    home = acme(tmp_path, one, -4)
    (tmp_path / "copy.pem").write_bytes(one.pem)
    for place in (home, tmp_path / "copy.pem"):
        assert judged(tmp_path, place).status is Status.WARNING, place
    other = stored(tmp_path, lasting(25), name="other.pem")
    assert judged(tmp_path, other).status is Status.OK
    assert "no renewer was found" in notes(tmp_path, other)[0]


@pytest.mark.parametrize(
    ("due", "said"),
    [
        (-200.0, "when acme.sh renews"),  # of another certificate
        ("", "when acme.sh renews"),
        ("9" * 40, "when acme.sh renews"),
        ("soon", "when acme.sh renews"),
        (40.0, "after its end: lower Le_RenewalDays"),
        ("99999999999", "after its end: lower Le_RenewalDays"),
    ],
)
def test_a_date_that_does_not_fit_is_a_note_and_no_accusation(tmp_path: Path, due: float | str, said: str) -> None:
    place = acme(tmp_path, lasting(25), due)
    assert judged(tmp_path, place).status is Status.OK
    assert said in " ".join(notes(tmp_path, place))


def test_what_of_acme_may_not_be_read_is_said(tmp_path: Path) -> None:
    acme(tmp_path, lasting(25), -4)
    place = stored(tmp_path, lasting(25), name="site.pem")
    (tmp_path / "home").chmod(0o700)
    call = (
        "(lambda p, a: [str(n) for n in p.read(p.collect(a, Deadline(5)), a, datetime.now().astimezone()).notes])"
        f"(CertificateProbe(), msgspec.convert({given(tmp_path, place)!r}, Args))"
    )
    said = as_nobody(tmp_path, "opskit.probes.certificate", call)
    assert f"not everything may be read: {tmp_path}/home/.acme.sh" in said


def lego(folder: Path, days: float, lifetime: float) -> Path:
    place = folder / ".lego" / "certificates"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{NAME}.crt").write_bytes(lasting(days, lifetime).pem)
    (place / f"{NAME}.json").write_text('{"domain": "chat.example.test", "certUrl": "https://ca.test/1"}')
    return place / f"{NAME}.crt"


@pytest.mark.parametrize(
    ("days", "lifetime", "options", "status"),
    [
        (29, 90, "", Status.OK),
        (26, 90, "", Status.WARNING),
        (31, 90, "--days 45", Status.WARNING),
        (26, 90, "--days 20", Status.OK),
        (15, 47, "", Status.OK),
        (13, 47, "", Status.WARNING),
        (2.9, 160 / 24, "--days 30", Status.OK),  # before its beginning: at every run
        (6.6, 160 / 24, "--days 30", Status.OK),
    ],
)
def test_lego_is_late_by_the_days_it_is_started_with(
    tmp_path: Path, days: float, lifetime: float, options: str, status: Status
) -> None:
    cron(tmp_path, f"/usr/bin/lego --domains {NAME} renew {options}")
    assert judged(tmp_path, lego(tmp_path, days, lifetime)).status is status


def dehydrated(folder: Path, days: float, conf: str = "") -> Path:
    place = folder / "certs" / NAME
    place.mkdir(parents=True, exist_ok=True)
    (place / "fullchain-1790000000.pem").write_bytes(lasting(days).pem)
    (place / "fullchain.pem").unlink(missing_ok=True)
    (place / "fullchain.pem").symlink_to("fullchain-1790000000.pem")
    (folder / "config").write_text(conf)
    return place / "fullchain.pem"


@pytest.mark.parametrize(
    ("days", "conf", "status"),
    [
        (28, "", Status.OK),
        (26, "", Status.WARNING),
        (26, 'RENEW_DAYS="24"\n', Status.OK),
        (40, "RENEW_DAYS=45", Status.WARNING),
        (26, "#RENEW_DAYS=10", Status.WARNING),
    ],
)
def test_dehydrated_is_late_by_its_configuration(tmp_path: Path, days: float, conf: str, status: Status) -> None:
    cron(tmp_path, "/usr/bin/dehydrated -c")
    found = judged(tmp_path, dehydrated(tmp_path, days, conf))
    assert found.status is status
    assert ("dehydrated renews it" in told(found)) is (status is Status.WARNING)


@pytest.mark.parametrize(("days", "status"), [(29, Status.OK), (26, Status.WARNING)])
def test_caddy_renews_at_a_third_and_needs_nothing_that_starts_it(tmp_path: Path, days: float, status: Status) -> None:
    place = tmp_path / "caddy" / "certificates" / "acme-v02" / NAME
    place.mkdir(parents=True)
    (place / f"{NAME}.crt").write_bytes(lasting(days).pem)
    (place / f"{NAME}.json").write_text('{"sans": ["chat.example.test"], "issuer_data": {}}')
    found = judged(tmp_path, place / f"{NAME}.crt")
    assert found.status is status
    assert "starts" not in told(found)
    (place / f"{NAME}.json").write_bytes(b"[" * 100_000)
    assert series(ask("certificate", **given(tmp_path, place / f"{NAME}.crt")), "renewal_late_pct") == []


def test_a_timer_is_known_by_what_it_starts_and_a_dead_one_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "units").mkdir()
    (tmp_path / "timers").mkdir()
    (tmp_path / "units" / "renew.timer").write_text("[Timer]\nOnCalendar=daily\n")
    (tmp_path / "units" / "renew.service").write_text("[Service]\nExecStart=/opt/acme.sh/acme.sh --cron\n")
    (tmp_path / "timers" / "renew.timer").symlink_to(tmp_path / "units" / "renew.timer")
    place = acme(tmp_path, lasting(25), -4)
    assert "nothing was found" not in told(judged(tmp_path, place))
    (tmp_path / "renew.timer").symlink_to("/dev/null")  # masked
    assert "nothing was found that starts acme.sh" in told(judged(tmp_path, place))
    (tmp_path / "renew.timer").unlink()
    (tmp_path / "units" / "renew.timer").unlink()
    assert "nothing was found that starts acme.sh" in told(judged(tmp_path, place))


@pytest.mark.parametrize(("days", "said"), [(40, False), (29, True)])
def test_that_nobody_renews_it_is_said_when_it_matters(tmp_path: Path, days: float, said: bool) -> None:
    place = stored(tmp_path, lasting(days), name="site.pem")
    expected = [f"no renewer was found for {place}: as far as can be seen, it is renewed by hand"] if said else []
    assert notes(tmp_path, place) == expected
    assert judged(tmp_path, place).status is Status.OK
