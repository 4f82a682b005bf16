"""A mail through a real sendmail program (msmtp), to a real server."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from opskit.model.settings import EmailSettings
from opskit.notify.channel import ChannelError
from opskit.notify.email_channel import EmailChannel
from tests.notify.mail_server import MailServer, Rules
from tests.notify.notices import NOTICE, notice

MSMTP = "/usr/bin/msmtp"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MailServer]:
    """A server that this user's msmtp is set up for."""
    started = MailServer(Rules(), "none", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    started.start()
    setup = tmp_path / ".msmtprc"
    setup.write_text(f"defaults\naccount default\nhost 127.0.0.1\nport {started.port}\ntls off\nauth off\n")
    setup.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    yield started
    started.stop()


def channel(program: str = MSMTP, to: str = "ops@example.com") -> EmailChannel:
    return EmailChannel(
        EmailSettings((to, "duty@example.com"), "opskit <opskit@example.com>", sendmail=program, timeout=10.0)
    )


def refused(by: EmailChannel) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        by.send(NOTICE)
    return caught.value


def script(folder: Path, body: str) -> str:
    path = folder / "sendmail"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_the_mail_arrives_with_its_headers_and_all_its_lines(server: MailServer):
    channel().send(notice(text="CRITICAL\n.\nbehind a full stop\n"))
    (mail,) = server.mails
    assert mail["Message-ID"] == f"<opskit.{NOTICE.seed}@llm-1.example.com>"
    assert mail.get_content().splitlines() == ["CRITICAL", ".", "behind a full stop"]
    (envelope,) = server.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("opskit@example.com", ["ops@example.com", "duty@example.com"])


def test_what_the_program_says_is_told(server: MailServer):
    server.rules.answers = ["451 4.7.1 later"]
    error = refused(channel())
    assert not error.permanent
    assert "451 4.7.1 later" in str(error)


@pytest.mark.parametrize(
    ("code", "permanent"), [(65, True), (67, True), (68, True), (64, False), (75, False), (1, False)]
)
def test_what_is_wrong_for_good_is_not_tried_again(tmp_path: Path, code: int, permanent: bool):
    error = refused(channel(script(tmp_path, f"cat >/dev/null; echo 'no such user' >&2; exit {code}")))
    assert (error.permanent, str(error)) == (permanent, f"{tmp_path}/sendmail ended with {code}: no such user")


def test_a_program_that_is_missing_or_hangs_is_tried_again(tmp_path: Path):
    missing = refused(channel(str(tmp_path / "none")))
    assert (missing.permanent, str(missing)) == (False, f"{tmp_path}/none cannot be run: No such file or directory")
    settings = EmailSettings(
        ("ops@example.com",), "opskit@example.com", sendmail=script(tmp_path, "exec sleep 60"), timeout=0.5
    )
    hanging = refused(EmailChannel(settings))
    assert (hanging.permanent, str(hanging)) == (False, f"{tmp_path}/sendmail did not end in time")


def test_an_address_is_never_an_option(tmp_path: Path):
    words = tmp_path / "words"
    channel(script(tmp_path, f'printf "%s\\n" "$@" >{words}; cat >/dev/null'), to="-oQ/tmp@example.com").send(NOTICE)
    assert words.read_text().splitlines() == [
        "-i",
        "-f",
        "opskit@example.com",
        "--",
        "-oQ/tmp@example.com",
        "duty@example.com",
    ]
