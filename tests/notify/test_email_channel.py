"""Real conversations with a real server, good and bad."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from opskit.model.settings import EmailSettings
from opskit.notify.channel import ChannelError
from opskit.notify.email_channel import EmailChannel
from tests.notify.authority import Authority
from tests.notify.mail_server import MailServer, Rules
from tests.notify.notices import NOTICE

Serve = Callable[..., MailServer]
PASSWORD = "s3cret word"


@pytest.fixture
def settings(authority: Authority) -> Callable[..., EmailSettings]:
    def make(server: MailServer, **changes: object) -> EmailSettings:
        usual = EmailSettings(
            to=("ops@example.com", "Duty <duty@example.com>"),
            sender="opskit <opskit@example.com>",
            host="localhost",
            port=server.port,
            ca_file=str(authority.ca_file),
            timeout=5.0,
        )
        return msgspec.structs.replace(usual, **changes)

    return make


def refused(settings: EmailSettings, environ: dict[str, str] | None = None) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        EmailChannel(settings, environ or {}).send(NOTICE)
    assert PASSWORD not in repr(caught.value)
    return caught.value


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_mail_leaves_encrypted(serve: Serve, settings: Callable[..., EmailSettings], tls: str):
    server = serve(tls=tls)
    EmailChannel(settings(server, tls=tls)).send(NOTICE)
    (mail,) = server.mails
    assert server.encrypted == [True]
    assert mail["Subject"] == NOTICE.content.subject
    assert mail.get_content().splitlines() == NOTICE.content.text.splitlines()
    assert server.envelopes[0].mail_from == "opskit@example.com"
    assert server.envelopes[0].rcpt_tos == ["ops@example.com", "duty@example.com"]


def test_without_tls_a_mail_leaves_for_this_host_only(serve: Serve, settings: Callable[..., EmailSettings]):
    server = serve(tls="none")
    EmailChannel(settings(server, tls="none")).send(NOTICE)
    EmailChannel(settings(server, tls="none", host="127.0.0.1")).send(NOTICE)
    assert server.encrypted == [False, False]
    error = refused(settings(server, tls="none", host="mail.example.com"))
    assert str(error) == "notify.email.tls is none, which is for this host only, and mail.example.com is another"
    assert error.permanent


def test_a_server_that_does_not_offer_starttls_gets_nothing(serve: Serve, settings: Callable[..., EmailSettings]):
    server = serve(Rules(password=None), tls="none")
    error = refused(settings(server))
    assert str(error) == (
        f"localhost:{server.port} does not offer what the settings ask for: STARTTLS extension not supported by server."
    )
    assert not error.permanent
    assert server.raw == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_of_an_unknown_authority_is_not_trusted(
    serve: Serve, settings: Callable[..., EmailSettings], tls: str, tmp_path: Path
):
    server = serve(tls=tls)
    error = refused(settings(server, tls=tls, ca_file=str(Authority(tmp_path).ca_file)))
    assert str(error).startswith(f"The certificate of localhost:{server.port} cannot be trusted: ")
    assert not error.permanent
    assert server.raw == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_a_certificate_for_another_name_is_not_trusted(serve: Serve, settings: Callable[..., EmailSettings], tls: str):
    server = serve(tls=tls, name="other.example.com")
    error = refused(settings(server, tls=tls))
    assert "Hostname mismatch, certificate is not valid for 'localhost'" in str(error)
    assert not error.permanent
    assert server.raw == []


def test_a_missing_ca_file_is_named(serve: Serve, settings: Callable[..., EmailSettings]):
    error = refused(settings(serve(), ca_file="/nowhere/ca.pem"))
    assert str(error) == "The CA file /nowhere/ca.pem cannot be used: No such file or directory"


@pytest.mark.parametrize(("answer", "permanent"), [("451 4.7.1 try later", False), ("550 5.7.1 spam", True)])
def test_the_server_says_whether_to_try_again(
    serve: Serve, settings: Callable[..., EmailSettings], answer: str, permanent: bool
):
    server = serve(Rules(answers=[answer]))
    error = refused(settings(server))
    assert str(error) == f"localhost:{server.port} refused the mail: {answer}"
    assert error.permanent is permanent


@pytest.mark.parametrize(("code", "permanent"), [("450", False), ("550", True)])
def test_all_recipients_refused(serve: Serve, settings: Callable[..., EmailSettings], code: str, permanent: bool):
    answers = dict.fromkeys(("ops@example.com", "duty@example.com"), f"{code} nobody here")
    server = serve(Rules(recipients=answers))
    error = refused(settings(server))
    assert (error.permanent, error.reached) == (permanent, 0)
    assert f"ops@example.com: {code} nobody here; duty@example.com: {code} nobody here" in str(error)


def test_one_recipient_refused_is_said_and_the_other_has_the_mail(serve: Serve, settings: Callable[..., EmailSettings]):
    server = serve(Rules(recipients={"duty@example.com": "550 left the company"}))
    error = refused(settings(server))
    assert str(error) == f"localhost:{server.port} refused recipients: duty@example.com: 550 left the company"
    assert error.reached == 1
    assert server.envelopes[0].rcpt_tos == ["ops@example.com"]


def test_a_connection_that_is_cut_after_the_mail_is_tried_again(serve: Serve, settings: Callable[..., EmailSettings]):
    server = serve(Rules(answers=["cut"]))
    error = refused(settings(server))
    assert str(error).startswith(f"localhost:{server.port} ended the conversation: ")
    assert not error.permanent


def test_a_bad_farewell_does_not_unsend_the_mail(serve: Serve, settings: Callable[..., EmailSettings]):
    server = serve(Rules(rude=True))
    EmailChannel(settings(server)).send(NOTICE)
    assert len(server.mails) == 1


def test_nobody_at_the_port_is_tried_again(serve: Serve, settings: Callable[..., EmailSettings]):
    server = serve()
    usual = settings(server)
    server.stop()
    error = refused(usual)
    assert str(error) == f"No conversation with localhost:{usual.port}: Connection refused"
    assert not error.permanent


@pytest.mark.parametrize("reference", ["file", "variable"])
def test_user_and_password_are_given_after_tls(
    serve: Serve, settings: Callable[..., EmailSettings], tmp_path: Path, reference: str
):
    server = serve(Rules(password=PASSWORD))
    (tmp_path / "password").write_text(PASSWORD + "\n")
    where = {"file": str(tmp_path / "password"), "variable": "$MAIL_PASSWORD"}[reference]
    EmailChannel(settings(server, user="opskit", password_file=where), {"MAIL_PASSWORD": PASSWORD}).send(NOTICE)
    assert server.logins == ["opskit"]
    assert server.encrypted == [True]


def test_a_refused_password_is_tried_again_since_it_may_be_corrected(
    serve: Serve, settings: Callable[..., EmailSettings]
):
    server = serve(Rules(password="another"))
    error = refused(settings(server, user="opskit", password_file="$PW"), {"PW": PASSWORD})
    assert str(error).startswith(f"localhost:{server.port} does not accept user and password: 535 ")
    assert not error.permanent
    assert server.raw == []


@pytest.mark.parametrize(
    ("changes", "environ", "sentence", "permanent"),
    [
        ({"password_file": "/nowhere"}, {}, "The password file /nowhere cannot be read: No such file", False),
        ({"password_file": "$PW"}, {}, "The environment has no variable PW for the password", False),
        ({"password_file": "$PW"}, {"PW": ""}, r"The password in \$PW is empty or has other", False),
        ({"password_file": "$PW"}, {"PW": "geheím"}, r"The password in \$PW is empty or has other", False),
        ({}, {}, "notify.email has a user but no password_file: opskit", True),
        ({"user": "运维", "password_file": "$PW"}, {}, "notify.email.user has other characters than ASCII", True),
        ({"user": None, "to": ()}, {}, "notify.email.to is empty: nobody would get the mail", True),
        ({"user": None, "tls": "maybe"}, {}, "notify.email.tls is maybe; it must be starttls, tls or none", True),
        ({"user": None, "to": ("a b",)}, {}, "a b is not a mail address that opskit can write to", True),
        ({"user": None, "host": "mail..example"}, {}, "notify.email.host is not the name of a server", True),
    ],
)
def test_settings_that_cannot_work_are_named(
    serve: Serve,
    settings: Callable[..., EmailSettings],
    changes: dict[str, object],
    environ: dict[str, str],
    sentence: str,
    permanent: bool,
):
    usual: dict[str, object] = {"user": "opskit"}
    with pytest.raises(ChannelError, match=sentence) as caught:
        EmailChannel(settings(serve(), **(usual | changes)), environ).send(NOTICE)
    assert caught.value.permanent is permanent
    assert "geheím" not in repr(caught.value)


@pytest.mark.parametrize("greeting", [b"", b"2", b"220 hello\r\n"])
def test_a_server_that_dawdles_is_left_when_the_time_is_up(authority: Authority, greeting: bytes):
    with Dawdler(greeting) as port:
        settings = EmailSettings(("a@example.com",), "b@example.com", "127.0.0.1", port, timeout=0.4)
        started = time.monotonic()
        error = refused(settings)
        assert time.monotonic() - started < 3
    assert not error.permanent
    assert "timed out" in str(error) or "in time" in str(error)


class Dawdler:
    """Greets, and then sends a byte now and then for as long as anybody listens, but never the end of a line."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._dawdle)

    def __enter__(self) -> int:
        self._thread.start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._listener.close()

    def _dawdle(self) -> None:
        client, _ = self._listener.accept()
        with client:
            if self._greeting:
                client.sendall(self._greeting)
            while not self._over.wait(0.05):
                try:
                    client.sendall(b"2")
                except OSError:
                    return
