"""A history that takes nothing: every channel hears of it past the outbox, and of its end."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import msgspec
import pytest

from opskit.app.context import Context
from opskit.app.outcry import Outcry
from opskit.app.rounds import round_of, tell_due
from opskit.model.check import Check
from opskit.model.reader import Reader
from opskit.model.settings import EmailSettings, HistorySettings, NotifySettings, Settings, WebhookSettings
from opskit.model.text import Text
from opskit.schedule.plan import Plan
from tests.notify.mail_server import MailServer, Rules
from tests.notify.web_receiver import Receiver
from tests.report.schema import wrong

BAD = Check("bad", Text("A page answers"), Text("w"), "plugin", (), 60.0, 5.0, {"command": ["/bin/sh", "-c", "exit 2"]})
GOOD = msgspec.structs.replace(BAD, id="good", args={"command": ["/bin/echo", "fine"]})
SCHEMA = Path(__file__).parents[2] / "docs/schemas/notice-v1.json"


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer(Rules(), "none", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def web() -> Iterator[Receiver]:
    server = Receiver()
    server.start()
    yield server
    server.stop()


class Host:
    """What `opskit run` does every five seconds, on a clock that goes as fast as the machine."""

    def __init__(self, path: Path, mail: MailServer, web: Receiver) -> None:
        email = EmailSettings(("ops@example.com",), "opskit@example.com", "127.0.0.1", mail.port, tls="none")
        notify = NotifySettings(email=email, webhook=WebhookSettings(web.url), triage=False)
        history = HistorySettings(str(path), str(path.parent))
        self.context = Context(Settings(notify=notify, history=history), Reader(UTC))
        self.now = 0.0
        self.outcry = Outcry(lambda: self.now)

    def goes_on(self, seconds: float) -> None:
        for tick in range(0, int(seconds), 5):
            if tick % 30 == 0:
                round_of(self.context, Plan((BAD, GOOD), 60.0, 0.0), self.outcry.measured)
            self.outcry.tried(tell_due(self.context).trouble)
            self.outcry.speak(self.context)
            self.now += 5


def test_it_is_told_by_every_channel_until_they_take_it(tmp_path: Path, mail: MailServer, web: Receiver) -> None:
    path = tmp_path / "history.db"
    path.write_text("no database, and long enough to be taken for one" * 20)
    mail.rules.answers = ["451 later", "451 later"]
    host = Host(path, mail, web)
    host.goes_on(55)
    assert (mail.mails, web.got) == ([], [])
    host.goes_on(300)
    assert path.read_text().startswith("no database")

    (posted,) = (json.loads(body) for _, _, body in web.got)
    assert wrong(posted, json.loads(SCHEMA.read_text("utf-8"))) == []
    assert (posted["kind"], posted["status"]) == ("no-memory", "critical")
    assert [one["check"] for one in posted["checks"]] == ["bad"]
    assert "is not a history of opskit" in posted["text"]
    tries = [(one["Message-ID"], one.get_content()) for one in mail.mails]
    assert len(tries) == 3
    assert len(set(tries)) == 1  # the same at every attempt

    path.unlink()
    host.goes_on(120)
    again = mail.mails[-1]
    assert again["X-Opskit-Kind"] == "memory-again"
    assert again["References"] == mail.mails[0]["References"]
    assert [json.loads(body)["kind"] for _, _, body in web.got][-1] == "memory-again"
    told = len(mail.mails)
    host.goes_on(600)
    assert len([one for one in mail.mails[told:] if "memory" in one["X-Opskit-Kind"]]) == 0


def test_what_is_newer_takes_the_place_of_what_nobody_took(tmp_path: Path, mail: MailServer, web: Receiver) -> None:
    path = tmp_path / "history.db"
    path.write_text("no database, and long enough to be taken for one" * 20)
    mail.rules.answers = ["451 later"] * 99
    web.answers = [(503, b"")] * 99
    host = Host(path, mail, web)
    host.goes_on(120)
    path.unlink()
    host.goes_on(120)
    mail.rules.answers, web.answers, before = [], [], len(mail.raw)
    host.goes_on(240)
    assert [one["X-Opskit-Kind"] for one in mail.mails[before:] if "memory" in one["X-Opskit-Kind"]] == ["memory-again"]


def test_a_channel_that_was_taken_away_meanwhile_keeps_nothing_from_the_others(
    tmp_path: Path, mail: MailServer, web: Receiver
) -> None:
    path = tmp_path / "history.db"
    path.write_text("no database, and long enough to be taken for one" * 20)
    mail.rules.answers, web.answers = ["451 later"], [(503, b"")]
    host = Host(path, mail, web)
    host.goes_on(70)
    assert (len(mail.mails), len(web.got)) == (1, 1)
    notify = msgspec.structs.replace(host.context.settings.notify, email=None)
    host.context = Context(msgspec.structs.replace(host.context.settings, notify=notify), Reader(UTC))
    host.goes_on(120)
    assert [json.loads(body)["kind"] for _, _, body in web.got] == ["no-memory", "no-memory"]


def test_a_process_of_cron_tells_nobody_by_itself(tmp_path: Path, mail: MailServer, web: Receiver) -> None:
    path = tmp_path / "history.db"
    path.write_text("no database, and long enough to be taken for one" * 20)
    host = Host(path, mail, web)
    for _ in range(30):
        round_of(host.context, Plan((BAD,), 60.0, 0.0))
        tell_due(host.context, patient=False)
    assert (mail.mails, web.got) == ([], [])
