"""Where a server's certificate is looked at: `host:port`, with what must be said first and the name to be proven."""

from __future__ import annotations

import re

import msgspec

from opskit.model.regex import regex

STARTTLS = ("imap", "ldap", "pop3", "postgres", "smtp")
"""Protocols that begin in the clear and switch to TLS when asked."""
_FORM = regex(
    rf"(?:(?P<protocol>{'|'.join(STARTTLS)})://)?(?P<host>[^\s/@]+):(?P<port>[0-9]{{1,5}})(?:/(?P<name>[^\s/@:]+))?",
    re.ASCII,
)


class Endpoint(msgspec.Struct, frozen=True):
    """`smtp://mail.example.com:25`, `[2001:db8::1]:443`, `10.0.0.5:443/chat.example.com`.

    `protocol` is empty where TLS begins with the first byte; `name` is empty where the host itself must be proven.
    """

    shown: str
    host: str
    port: int
    protocol: str = ""
    name: str = ""


def endpoint(text: str) -> Endpoint | None:
    """Return what the notation means; None where it is none."""
    found = _FORM.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536:
        return None
    host = found["host"].removeprefix("[").removesuffix("]")
    return Endpoint(text, host, int(found["port"]), found["protocol"] or "", found["name"] or "") if host else None
