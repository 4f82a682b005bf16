"""How headers become lines. Python's own folding damages Chinese, so `mail` builds its messages with this policy.

EmailPolicy loses a blank between two encoded words (python/cpython#92081), and from 3.12.5 on it puts words next to
each other without one, which some receivers refuse (python/cpython#144156). email.header.Header does neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from email.header import Header
from email.headerregistry import Address
from email.policy import EmailPolicy
from typing import Any

_LINE = 76
_UNFOLDED = frozenset({"message-id", "in-reply-to", "references", "list-id", "x-opskit-check"})
_ADDRESSES = frozenset({"from", "to"})


class WholeWords(EmailPolicy):
    """EmailPolicy with CRLF lines whose Subject, names of people and identifiers come back as they were."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"linesep": "\r\n", **settings})

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """Return what the message keeps. Raises ValueError for a value of several lines."""
        # EmailPolicy would decode what looks like an encoded word in the text, line breaks included, and so let a
        # log line write headers. These headers are plain text until they are folded.
        if name.lower() != "subject" and name.lower() not in _UNFOLDED:
            return super().header_store_parse(name, value)
        if len(str(value).splitlines()) > 1:
            raise ValueError(f"the header {name} would have several lines")
        return name, str(value)

    def fold(self, name: str, value: Any) -> str:
        """Return the header as text of one or more lines."""
        if name.lower() == "subject":
            return f"{name}: {_words(name, str(value), self.linesep)}{self.linesep}"
        if name.lower() in _ADDRESSES:
            return f"{name}: {_mailboxes(name, value.addresses, self.linesep)}{self.linesep}"
        # An identifier that is cut in two is another identifier.
        if name.lower() in _UNFOLDED:
            return f"{name}: {value}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return the header as bytes; all of it is ASCII by now."""
        return self.fold(name, value).encode("ascii")


def _words(name: str, text: str, linesep: str) -> str:
    # What looks like an encoded word would be decoded by the reader's program, so it is encoded too.
    if text.isascii() and "=?" not in text and len(name) + 2 + len(text) <= _LINE:
        return text
    return Header(text, "utf-8", maxlinelen=_LINE, header_name=name).encode(linesep=linesep)


def _mailboxes(name: str, addresses: Iterable[Address], linesep: str) -> str:
    return f",{linesep} ".join(_mailbox(name, address, linesep) for address in addresses)


def _mailbox(name: str, address: Address, linesep: str) -> str:
    if not address.display_name:
        return address.addr_spec
    if address.display_name.isascii() and "=?" not in address.display_name:
        return str(address)
    words = _words(name, address.display_name, linesep)
    return f"{words}{linesep} <{address.addr_spec}>"
