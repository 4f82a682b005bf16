"""Why a mail did not leave: smtplib's and the network's errors as the ChannelError that says what happens next.

Permanent is what the server says about this mail: sender, recipient or content refused for good (5xx). What it says
about the way to it is not: a certificate is renewed, a password corrected, STARTTLS switched on again, and then the
same mail goes through. Until then it waits, and `attempts` and the error are there to see.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping

from opskit.model.message import Message, say
from opskit.notify.channel import ChannelError

_FOR_GOOD = 500


def refusal(error: OSError, server: str) -> ChannelError:
    """Return the ChannelError for what smtplib or a socket raised in a talk with `server` (`host:port`)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return ChannelError(_recipients(error.recipients, server), permanent=_all_for_good(error.recipients))
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return ChannelError(
            say("{server} does not accept user and password: {answer}", server=server, answer=_answer(error)),
            permanent=False,
        )
    if isinstance(error, smtplib.SMTPResponseException):
        return ChannelError(
            say("{server} refused the mail: {answer}", server=server, answer=_answer(error)),
            permanent=error.smtp_code >= _FOR_GOOD,
        )
    return ChannelError(_of_the_way(error, server), permanent=False)


def partly(refused: Mapping[str, tuple[int, bytes]], reached: int, server: str) -> ChannelError:
    """Return the ChannelError for a mail that some recipients did not get; `reached` others have it."""
    left = tuple(address for address, (code, _) in refused.items() if code < _FOR_GOOD)
    return ChannelError(_recipients(refused, server), permanent=not left, reached=reached, left=left)


def _of_the_way(error: OSError, server: str) -> Message:
    if isinstance(error, ssl.SSLCertVerificationError):
        return say("The certificate of {server} cannot be trusted: {error}", server=server, error=error.verify_message)
    if isinstance(error, smtplib.SMTPServerDisconnected):
        return say("{server} ended the conversation: {error}", server=server, error=str(error))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return say("{server} does not offer what the settings ask for: {error}", server=server, error=str(error))
    if isinstance(error, TimeoutError):
        return say("{server} did not answer in time", server=server)
    return say("No conversation with {server}: {error}", server=server, error=error.strerror or str(error))


def _recipients(refused: Mapping[str, tuple[int, bytes]], server: str) -> Message:
    answers = "; ".join(f"{address}: {code} {_text(answer)}" for address, (code, answer) in refused.items())
    return say("{server} refused recipients: {answers}", server=server, answers=answers)


def _all_for_good(refused: Mapping[str, tuple[int, bytes]]) -> bool:
    return all(code >= _FOR_GOOD for code, _ in refused.values())


def _answer(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _text(answer: bytes | str) -> str:
    text = answer if isinstance(answer, str) else answer.decode("utf-8", "replace")
    return " ".join(text.split())
