"""The e-mail channel: takes a notice, leaves it with the mail server over verified TLS, and tells what went wrong."""

from __future__ import annotations

import ipaddress
import os
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress

from opskit.model.message import say
from opskit.model.settings import EmailSettings
from opskit.notify.channel import ChannelError, Notice
from opskit.notify.conversation import Conversation, TlsConversation
from opskit.notify.mail import mail
from opskit.notify.mailbox import mailbox
from opskit.notify.refusal import partly, refusal
from opskit.notify.secret import secret
from opskit.notify.sendmail import pipe


class EmailChannel:
    """Sends by one SMTP conversation per mail, or through this host's sendmail.

    `environ` is where `$NAME` passwords are looked up.
    """

    def __init__(self, settings: EmailSettings, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environ = environ
        self._server = f"{settings.host}:{settings.port}"

    def send(self, notice: Notice) -> None:
        """Return once the server has taken responsibility for the mail (250 after DATA).

        Raises ChannelError; see `refusal` for what is permanent. A setting that opskit refuses, such as a mail
        without TLS to another host, is permanent. The whole conversation takes `timeout` seconds at most; reaching
        the server may take as long for each of its addresses, and looking up its name what the resolver takes.
        """
        sender = mailbox(self._settings.sender)
        to = tuple(mailbox(one) for one in self._settings.to)
        addresses = [one.address for one in to if notice.only in {"", one.address}]
        if notice.only and not addresses:
            raise ChannelError(say("{address} is no recipient any more", address=notice.only), permanent=True)
        if self._settings.sendmail is not None:
            content = mail(notice, sender, to).as_bytes()
            pipe(self._settings.sendmail, sender.address, addresses, content, self._settings.timeout)
            return
        self._refuse_settings()
        password = self._password()
        content = mail(notice, sender, to).as_bytes()
        context = None if self._settings.tls == "none" else self._trust()
        try:
            refused = self._talk(sender.address, addresses, content, context, password)
        except OSError as error:
            raise refusal(error, self._server) from error
        except UnicodeError as error:
            raise ChannelError(
                say("notify.email.host is not the name of a server: {host}", host=self._settings.host), permanent=True
            ) from error
        if refused:
            raise partly(refused, len(addresses) - len(refused), self._server)

    def _talk(
        self, sender: str, to: list[str], content: bytes, context: ssl.SSLContext | None, password: str | None
    ) -> dict[str, tuple[int, bytes]]:
        server = self._connected(context)
        try:
            if self._settings.user is not None and password is not None:
                server.login(self._settings.user, password)
            refused = server.sendmail(sender, to, content)
            # The mail is accepted: a bad farewell must not cause a second one.
            with suppress(OSError):
                server.quit()
        finally:
            server.close()
        return refused

    def _connected(self, context: ssl.SSLContext | None) -> smtplib.SMTP:
        settings = self._settings
        if settings.tls == "tls":
            return TlsConversation(settings.host, settings.port, settings.timeout, context=context)
        server = Conversation(settings.host, settings.port, settings.timeout)
        if context is None:
            return server
        try:
            # Raises where it is not offered: whoever hides the offer must not get the mail in the clear.
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _trust(self) -> ssl.SSLContext:
        ca_file = self._settings.ca_file
        try:
            context = ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            raise ChannelError(
                say(
                    "The CA file {path} cannot be used: {error}", path=ca_file or "", error=error.strerror or str(error)
                ),
                permanent=False,
            ) from error
        # Python 3.13 switches this on, and then refuses many a company's own CA that every other client accepts
        # (python/cpython#107361). Signature, name and dates are verified as before.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def _password(self) -> str | None:
        if self._settings.user is None:
            return None
        if self._settings.password_file is None:
            raise ChannelError(
                say("notify.email has a user but no password_file: {user}", user=self._settings.user), permanent=True
            )
        if not self._settings.user.isascii():
            raise ChannelError(
                say("notify.email.user has other characters than ASCII: {user}", user=self._settings.user),
                permanent=True,
            )
        return secret(self._settings.password_file, self._environ)

    def _refuse_settings(self) -> None:
        settings = self._settings
        if not settings.to:
            raise ChannelError(say("notify.email.to is empty: nobody would get the mail"), permanent=True)
        if settings.tls not in ("starttls", "tls", "none"):
            raise ChannelError(
                say("notify.email.tls is {tls}; it must be starttls, tls or none", tls=settings.tls), permanent=True
            )
        if settings.tls == "none" and not _is_loopback(settings.host):
            raise ChannelError(
                say("notify.email.tls is none, which is for this host only, and {host} is another", host=settings.host),
                permanent=True,
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # A name is what the resolver makes of it; only this one is promised to stay here (RFC 6761 6.3).
        return host.lower() == "localhost"
