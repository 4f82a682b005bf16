"""An address as the settings say it: `ops@example.com` or `On call <ops@example.com>`. Mail and SMTP both need it."""

from __future__ import annotations

import re

import msgspec

from opskit.model.message import say
from opskit.model.printable import printable
from opskit.model.regex import regex
from opskit.notify.channel import ChannelError

# Stricter than RFC 5322, and than Python's own reader, which makes something of nearly everything: nothing here can
# end the address and begin another one. A local user has no domain.
_ATOM = r"[!#-'*+/-9=?A-Z^-~-]+"
_ADDRESS = rf"{_ATOM}(?:\.{_ATOM})*(?:@[A-Za-z0-9.-]+)?"
_MAILBOX = regex(rf"(?P<name>[^<>\r\n]*?)\s*<(?P<inner>{_ADDRESS})>|(?P<bare>{_ADDRESS})", re.ASCII)
_ESCAPED = regex(r"\\(.)")


class Mailbox(msgspec.Struct, frozen=True):
    """Who is written to: `name` for people (may be empty), `address` for the server."""

    name: str
    address: str

    def __str__(self) -> str:
        if not self.name:
            return self.address
        quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.address}>'


def mailbox(text: str) -> Mailbox:
    """Return the mailbox that `text` says. Raises ChannelError where it says none that mail can be sent to."""
    found = _MAILBOX.fullmatch(text.strip())
    if found is None:
        raise ChannelError(say("{text} is not a mail address that opskit can write to", text=text), permanent=True)
    if found["bare"]:
        return Mailbox("", found["bare"])
    return Mailbox(printable(_unquoted(found["name"])), found["inner"])


def _unquoted(name: str) -> str:
    quoted = len(name) > 1 and name.startswith('"') and name.endswith('"')
    return _ESCAPED.sub(r"\1", name[1:-1]) if quoted else name
