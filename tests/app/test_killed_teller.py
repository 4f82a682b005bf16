"""Processes that are killed at any moment, and a mail server that does whatever a mail server can do."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.notify.mail_server import MailServer, Rules

ROOT = Path(__file__).parents[2]
_AT_MOST = 4


class Unreliable(MailServer):
    """Takes, refuses for now, refuses for good, stalls, and hangs up before and after it has taken the mail."""

    def __init__(self, seed: int) -> None:
        super().__init__(Rules(), "none", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        self.chance = random.Random(seed)
        self.reliable = False
        self.taken: list[tuple[str, str, str]] = []
        """Message-ID, incident and kind of every mail that it took, in order."""
        self.did: Counter[str] = Counter()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        way = "take"
        if not self.reliable:
            ways = ["take"] * 8 + ["later"] * 4 + ["never", "stall", "lose", "lose", "cut", "cut"]
            way = self.chance.choice(ways)
        self.did[way] += 1
        if way in {"take", "lose"}:
            mail = message_from_bytes(bytes(envelope.content or b""))
            self.taken.append((mail["Message-ID"], mail["References"], mail["X-Opskit-Kind"]))
        if way in {"cut", "lose"}:
            server.transport.abort()
        if way == "stall":
            await asyncio.sleep(2)
        return {"later": "451 4.7.1 later", "never": "550 5.7.1 never"}.get(way, "250 OK")


@pytest.fixture
def server() -> Iterator[Unreliable]:
    started = Unreliable(5)
    started.start()
    yield started
    started.stop()


def teller(path: Path, server: Unreliable, seed: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.app.teller", str(path), str(server.port), str(seed), *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def killed(path: Path, server: Unreliable, times: int) -> None:
    """Let one process after the other live for a moment. Now and then two of them at once.

    On a busy host they come to less in their time: there more of them die, until as many incidents have been told.
    """
    chance = random.Random(3)
    for number in range(_AT_MOST * times):
        if number >= times and told_of(path) >= times:
            return
        victims = [teller(path, server, number * 2 + other) for other in range(1 + (number % 5 == 0))]
        for victim in victims:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.4))
        for victim in victims:
            victim.send_signal(signal.SIGKILL)
            _, complaint = victim.communicate(timeout=30)
            assert (victim.returncode, complaint) == (-signal.SIGKILL, "")


def told_of(path: Path) -> int:
    """How many incidents have a notice."""
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("SELECT count(DISTINCT incident_id) FROM notices").fetchone()[0])


def nothing_is_lost_or_doubled(path: Path, server: Unreliable) -> int:
    """Hold what the server took against what the history says; return how many incidents were told."""
    db = sqlite3.connect(path)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    told = db.execute(
        """
        SELECT incidents.seed, notices.seed, kind, sent_at, dropped_at, reason
        FROM incidents JOIN notices ON incident_id = incidents.id JOIN deliveries ON notice_id = notices.id
        ORDER BY notices.id
        """
    ).fetchall()
    db.close()
    taken = Counter(message for message, _, _ in server.taken)
    for incident in {row[0] for row in told}:
        kinds = [row[2] for row in told if row[0] == incident]
        assert (kinds[0], kinds[-1]) == ("problem", "recovery")
        assert (kinds.count("problem"), kinds.count("recovery")) == (1, 1)
    for _, notice, kind, sent, dropped, reason in told:
        arrived = next((message for message in taken if notice in message), None)
        if sent is not None:
            assert arrived is not None, (notice, kind)
        else:
            assert dropped is not None
            assert reason in {"refused", "overtaken"}
    # Every mail that came is a notice of the history: no other Message-ID was made up for any of them.
    assert {message.split(".")[1].split("@")[0] for message in taken} <= {row[1] for row in told}
    return len({row[0] for row in told})


@pytest.mark.parametrize("times", [12, pytest.param(200, marks=pytest.mark.drill)])
def test_every_incident_is_told_once_and_so_is_its_end(tmp_path: Path, server: Unreliable, times: int) -> None:
    path = tmp_path / "history.db"
    killed(path, server, times)
    server.reliable = True
    last = teller(path, server, 99, "drain")
    said, complaint = last.communicate(timeout=200)
    assert (last.returncode, said, complaint) == (0, "ready\n", "")
    assert nothing_is_lost_or_doubled(path, server) >= times
    assert server.did["take"] > 0
