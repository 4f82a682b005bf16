"""A real SMTP server (aiosmtpd) that keeps what it gets and misbehaves as it is told."""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Rules:
    """How the server behaves. `answers` are given to DATA one after the other, then it accepts; "cut" hangs up.

    A `rude` server hangs up at QUIT.
    """

    answers: list[str] = field(default_factory=list)
    recipients: dict[str, str] = field(default_factory=dict)
    password: str | None = None
    rude: bool = False


class MailServer:
    """Listens on a free port of 127.0.0.1 from `start()` to `stop()`."""

    def __init__(self, rules: Rules, tls: str, context: ssl.SSLContext) -> None:
        self.rules = rules
        self.raw: list[bytes] = []
        self.logins: list[str] = []
        self.encrypted: list[bool] = []
        self.envelopes: list[Envelope] = []
        self.port = 0
        self._context = context
        self._tls = tls
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()

    async def _listen(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        context = self._context if self._tls == "tls" else None
        listener = await self._loop.create_server(self._conversation, "127.0.0.1", 0, ssl=context)
        self.port = listener.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        listener.close()

    def _conversation(self) -> SMTP:
        settings: dict[str, object] = {}
        if self._tls == "starttls":
            settings = {"tls_context": self._context, "require_starttls": True}
        if self.rules.password is not None:
            settings |= {"authenticator": self._authenticate, "auth_required": True}
        return SMTP(self, hostname="localhost", **settings)

    @property
    def mails(self) -> list[EmailMessage]:
        """What arrived, accepted or not, as a mail program reads it."""
        return [message_from_bytes(raw, policy=policy.default) for raw in self.raw]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list) -> str:
        if address in self.rules.recipients:
            return self.rules.recipients[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.raw.append(envelope.content)
        self.envelopes.append(envelope)
        self.encrypted.append(server.transport.get_extra_info("cipher") is not None)
        answer = self.rules.answers.pop(0) if self.rules.answers else "250 OK"
        if answer == "cut":
            server.transport.abort()
        return answer

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.rules.rude:
            server.transport.abort()
        return "221 Bye"

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.logins.append(data.login.decode())
        # Not handled: the server itself answers a wrong password.
        return AuthResult(success=data.password.decode() == self.rules.password, handled=False)
