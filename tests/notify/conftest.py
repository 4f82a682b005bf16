"""A certificate authority of our own and real SMTP servers for the tests of notify."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opskit.history.sqlite import SqliteStore, open_store
from tests.notify.authority import Authority
from tests.notify.mail_server import MailServer, Rules
from tests.notify.web_receiver import Receiver


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with open_store(tmp_path / "history.db", 1.0) as opened:
        yield opened


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def serve(authority: Authority) -> Iterator[Callable[..., MailServer]]:
    """Start servers: `serve(Rules(...), tls="starttls" | "tls" | "none", name="localhost")`."""
    running: list[MailServer] = []

    def start(rules: Rules | None = None, tls: str = "starttls", name: str = "localhost") -> MailServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority.certificate(name))
        server = MailServer(rules or Rules(), tls, context)
        server.start()
        running.append(server)
        return server

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    server.start()
    yield server
    server.stop()
