"""The time by a web server's clock: its `Date` header, asked for where a certificate's dates seem not to fit ours."""

from __future__ import annotations

import email.utils
import re
import ssl
from datetime import UTC

from opskit.model.regex import regex
from opskit.probes.base import Deadline
from opskit.probes.exchange_evidence import Failure

_CAP = 1 << 14
_LONGEST_S = 1.0
_SHARE = 0.3
_DATE = regex(rb"\r\nDate:[ \t]*([^\r\n]{1,60})", re.IGNORECASE)
_BY_DATE = ("certificate has expired", "certificate is not yet valid")
"""OpenSSL's words (X509_verify_cert_error_string)."""


def is_about_dates(failure: Failure) -> bool:
    """Whether verifying failed for dates alone: then the clocks are worth a look."""
    return any(words in failure.text for words in _BY_DATE)


def server_date(secure: ssl.SSLSocket, name: str, deadline: Deadline) -> float | None:
    """Ask for the head of `/` and return its Date in epoch seconds; None where no HTTP server answers soon.

    RFC 9110 6.6.1: the time at which the message was made, by the clock of the server that made it.
    """
    within = Deadline(min(deadline.left * _SHARE, _LONGEST_S))
    request = f"HEAD / HTTP/1.1\r\nHost: {name}\r\nUser-Agent: opskit\r\nConnection: close\r\n\r\n"
    said = b""
    try:
        secure.settimeout(max(within.left, 0.01))
        secure.sendall(request.encode("ascii", "replace"))
        while b"\r\n\r\n" not in said and len(said) < _CAP and within.left:
            secure.settimeout(max(within.left, 0.01))
            piece = secure.recv(4096)
            if not piece:
                break
            said += piece
    except (OSError, ValueError):
        return None
    return _date_of(said)


def _date_of(said: bytes) -> float | None:
    found = _DATE.search(said.partition(b"\r\n\r\n")[0]) if said.startswith(b"HTTP/") else None
    if found is None:
        return None
    try:
        date = email.utils.parsedate_to_datetime(found[1].decode("ascii"))
        return date.replace(tzinfo=date.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, LookupError, OverflowError):
        return None
