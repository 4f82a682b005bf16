"""Renewal by certbot: late by its own rule, failed, or without anything that starts it."""

from __future__ import annotations

import gzip
import os
from datetime import timedelta
from pathlib import Path

import pytest

from opskit.app.observe import Live, job
from opskit.app.observe import observe as observed
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.reading import Reading
from opskit.model.settings import Settings
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.probes.certificate_evidence import Lineage
from opskit.probes.renewal_told import renewal_point_days
from tests.probes.asking import as_nobody, ask, collect, replay, series, value
from tests.probes.authority import NOW, lasting

NAME = "chat.example.test"
CONF = """# renew_before_expiry = 30 days
version = 4.1.1
archive_dir = /etc/letsencrypt/archive/chat.example.test
fullchain = /etc/letsencrypt/live/chat.example.test/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = 0123456789abcdef
authenticator = nginx
"""
LOG = """{when},123:DEBUG:certbot._internal.main:certbot version: 4.1.1
{when},456:ERROR:certbot._internal.renewal:Failed to renew certificate chat.example.test with error: Some challenges have failed.
{when},789:DEBUG:certbot._internal.renewal:Traceback was: ...
"""  # noqa: E501  # a line of certbot's log is as long as it is


class Host:
    """The folders of a host that certbot looks after."""

    def __init__(self, folder: Path, days: float, lifetime: float = 90, conf: str = CONF, starts: bool = True) -> None:
        self.folder = folder
        self.conf = folder / "letsencrypt" / "renewal" / f"{NAME}.conf"
        self.file = folder / "letsencrypt" / "live" / NAME / "fullchain.pem"
        self.logs = folder / "logs"
        for place in (self.conf.parent, self.file.parent, self.logs, folder / "cron.d", folder / "timers"):
            place.mkdir(parents=True, exist_ok=True)
        self.conf.write_text(conf)
        self.file.write_bytes(lasting(days, lifetime).pem)
        self.log(0.2)
        if starts:
            (folder / "timers" / "certbot.timer").touch()

    def log(self, days_ago: float, text: str = "", name: str = "letsencrypt.log") -> None:
        when = NOW.timestamp() - days_ago * 86400
        (self.logs / name).write_text(text.replace("{when}", (NOW - timedelta(days=days_ago)).strftime("%F %T")))
        os.utime(self.logs / name, (when, when))

    @property
    def given(self) -> dict[str, object]:
        schedules = [f"{self.folder}/timers/*.timer", f"{self.folder}/cron.d/*", f"{self.folder}/crontab"]
        return {"files": [str(self.file)], "schedules": schedules, "certbot_logs": str(self.logs),
                "acme_homes": [], "nginx_conf": None}  # fmt: skip

    def reading(self) -> Reading:
        return ask("certificate", **self.given)

    def verdict(self) -> Verdict:
        check = checks.load(None).good["certificate"]
        ((_, reading),) = observed([job("c", "certificate", self.given, 5.0, Settings(), "checks")], Live())
        return evaluate(check, reading, 0.0)


def texts(judged: Verdict) -> list[str]:
    return [str(item.text) for item in judged.items if item.status is not Status.OK]


def test_a_certificate_that_certbot_looks_after_is_ok_and_its_last_run_is_told(tmp_path: Path) -> None:
    host = Host(tmp_path, 60)
    reading, judged = host.reading(), host.verdict()
    assert (judged.status, reading.notes) == (Status.OK, ())
    assert (value(reading, "renewal_late_pct"), value(reading, "renewed")) == (0, 1)
    assert round(value(reading, "renewer_ran_days") or 0, 1) == 0.2


@pytest.mark.parametrize(
    ("days", "lifetime", "status"),
    [
        (31, 90, Status.OK),
        (29, 90, Status.OK),  # due, and the timer has not come round yet
        (27.6, 90, Status.OK),
        (27, 90, Status.WARNING),  # 25 % are left only 4.5 days later
        (15, 47, Status.OK),
        (13.9, 47, Status.WARNING),
        (2.6, 160 / 24, Status.OK),
        (2.3, 160 / 24, Status.WARNING),
        (59, 200, Status.WARNING),
        (63, 200, Status.OK),
    ],
)
def test_late_is_what_certbot_itself_calls_late(tmp_path: Path, days: float, lifetime: float, status: Status) -> None:
    judged = Host(tmp_path, days, lifetime).verdict()
    assert judged.status is status
    if status is Status.WARNING:
        assert "renewal is overdue (certbot renews chat.example.test " in texts(judged)[0]


@pytest.mark.parametrize(
    ("version", "before", "lifetime", "expected"),
    [
        ("4.0.0", "", 90, 30),
        ("4.0.0", "", 200, 200 / 3),
        ("4.0.0", "", 6, 3),
        ("2.9.0", "", 90, 30),
        ("2.9.0", "", 200, 30),
        ("2.9.0", "", 47, 47 / 3),
        ("", "", 90, 30),
        ("nonsense", "", 200, 30),
        ("2.9.0", "10 days", 90, 10),
        ("2.9.0", "6 weeks", 90, 42),
        ("2.9.0", "1 month", 90, 30),
        ("4.0.0", "12", 90, 12),
        ("4.0.0", "when it suits", 90, 30),
    ],
)
def test_the_point_of_renewal(version: str, before: str, lifetime: float, expected: float) -> None:
    assert renewal_point_days(Lineage("x", "x", version, before), lifetime) == pytest.approx(expected)


def test_what_the_configuration_says_goes_before_the_rule(tmp_path: Path) -> None:
    later = CONF.replace("# renew_before_expiry = 30 days", "renew_before_expiry = 24 days")
    assert Host(tmp_path, 27, conf=later).verdict().status is Status.OK
    off = Host(tmp_path, 27, conf=CONF + "autorenew = False\n")
    assert off.verdict().status is Status.OK
    assert [str(note) for note in off.reading().notes] == ["certbot does not renew chat.example.test: autorenew is off"]


def test_without_a_configuration_of_certbot_nothing_is_said_of_it(tmp_path: Path) -> None:
    host = Host(tmp_path, 27)
    host.conf.unlink()
    reading = host.reading()
    assert series(reading, "renewal_late_pct") + series(reading, "renewer_ran_days") == []
    assert [str(note) for note in reading.notes] == [
        f"no renewer was found for {host.file}: as far as can be seen, it is renewed by hand"
    ]


def test_the_last_run_failed(tmp_path: Path) -> None:
    host = Host(tmp_path, 29)
    host.log(0.1, LOG)
    judged = host.verdict()
    assert judged.status is Status.WARNING
    assert texts(judged) == [f"{host.file}: the last renewal failed (Some challenges have failed.)"]
    host.log(0.1, LOG.replace("chat.example.test", "other.example.test"))
    assert host.verdict().status is Status.OK
    host.log(
        0.1, "x Attempting to renew cert (chat.example.test) from /etc/x.conf produced an unexpected error: Old words\n"
    )
    assert "Old words" in texts(host.verdict())[0]


def test_a_failure_from_before_the_certificate_is_overcome(tmp_path: Path) -> None:
    host = Host(tmp_path, 89.9)
    host.log(5, LOG)
    assert series(host.reading(), "renewed") == []
    assert host.verdict().status is Status.OK


def test_the_newest_log_counts_also_after_rotation(tmp_path: Path) -> None:
    host = Host(tmp_path, 40)
    (host.logs / "letsencrypt.log").unlink()
    host.log(3, "", "letsencrypt.log.2")
    host.log(1, LOG, "letsencrypt.log.1")
    (host.logs / "letsencrypt.log.3.gz").write_bytes(gzip.compress(b"x"))
    reading = host.reading()
    assert round(value(reading, "renewer_ran_days", certificate=f"{host.logs}/letsencrypt.log.1") or 0) == 1
    assert value(reading, "renewed") == 0


def test_certbot_that_has_not_run_for_long_is_a_warning(tmp_path: Path) -> None:
    host = Host(tmp_path, 60)
    host.log(7)
    assert host.verdict().status is Status.OK
    host.log(12)
    judged = host.verdict()
    assert judged.status is Status.WARNING
    assert "certbot has not run for more than a week (last run " in texts(judged)[0]


def test_without_a_log_the_last_run_is_a_note(tmp_path: Path) -> None:
    host = Host(tmp_path, 60)
    (host.logs / "letsencrypt.log").unlink()
    assert "when certbot ran last cannot be told" in str(host.reading().notes[0])
    host.logs.rmdir()
    assert "when certbot ran last cannot be told" in str(host.reading().notes[0])
    assert host.verdict().status is Status.OK


@pytest.mark.parametrize(
    ("where", "line", "starts"),
    [
        ("cron.d/own", "0 3 * * * root certbot renew -q\n", True),
        ("crontab", "0 3 * * * root /opt/letsencrypt/renew.sh\n", True),
        ("cron.d/own", "# 0 3 * * * root certbot renew -q\n", False),
        ("cron.d/own", "0 3 * * * root apt-get update\n", False),
        ("timers/snap.certbot.renew.timer", "", True),
    ],
)
def test_what_starts_certbot_is_found(tmp_path: Path, where: str, line: str, starts: bool) -> None:
    host = Host(tmp_path, 60, starts=False)
    (tmp_path / where).write_text(line)
    nothing = ["nothing was found that starts certbot: no timer and no cron job"]
    assert [str(note) for note in host.reading().notes] == ([] if starts else nothing)
    assert host.verdict().status is Status.OK


def test_debians_cron_file_does_not_count_where_systemd_runs(tmp_path: Path) -> None:
    host = Host(tmp_path, 60, starts=False)
    (tmp_path / "cron.d" / "certbot").write_text(
        "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && certbot -q renew\n"
    )
    assert bool(host.reading().notes) is Path("/run/systemd/system").is_dir()


def test_a_late_renewal_that_nothing_starts_says_so(tmp_path: Path) -> None:
    judged = Host(tmp_path, 26, starts=False).verdict()
    assert "26.0 are left; nothing was found that starts certbot: no timer and no cron job)" in texts(judged)[0]


def test_what_may_not_be_read_is_not_taken_for_missing(tmp_path: Path) -> None:
    host = Host(tmp_path, 60, starts=False)
    (tmp_path / "cron.d" / "own").write_text("0 3 * * * root certbot renew\n")
    for place in (tmp_path / "cron.d" / "own", host.logs, host.conf):
        place.chmod(0)
    call = (
        "(lambda p, a: [str(n) for n in p.read(p.collect(a, Deadline(5)), a, datetime.now().astimezone()).notes])"
        f"(CertificateProbe(), msgspec.convert({host.given!r}, Args))"
    )
    assert "renewal/chat.example.test.conf cannot be read: Permission denied" in as_nobody(
        tmp_path, "opskit.probes.certificate", call
    )
    host.conf.chmod(0o644)
    said = as_nobody(tmp_path, "opskit.probes.certificate", call)
    assert "but not everything may be read" in said
    assert str(host.logs) in said
    assert "when certbot ran last cannot be told" in said


def test_secrets_in_the_log_do_not_enter_the_evidence_and_damage_is_survived(tmp_path: Path) -> None:
    host = Host(tmp_path, 29)
    host.log(0.1, LOG.replace("Some challenges", "token=hunter2secret \x1b[31m" + "x" * 9000))
    (raw,) = collect("certificate", **host.given)
    assert b"hunter2secret" not in raw.data
    assert len(raw.data) < 6000
    text = str(replay("certificate", (raw,), NOW).reason(f"renewed {host.file}"))
    assert "\x1b" not in text
    odd = raw.data.replace(b'"ran": ', b'"ran": 1e300, "was": ')
    assert value(replay("certificate", (type(raw)(raw.name, odd, raw.origin),), NOW), "renewer_ran_days") == 0
