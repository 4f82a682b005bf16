"""What is said where there is no certificate to judge, and of what was not looked at. Pure."""

from __future__ import annotations

from opskit.model.message import Message, say
from opskit.probes.certificate_evidence import Seen, Shelf

_TEXTS = {
    "missing": say("there is no such file, or it may not be looked at"),
    "empty": say("it holds no certificate"),
    "folder": say("no certificate in this folder"),
    "cut": say("its certificate is damaged or cut off"),
    "encrypted": say("its password is missing or wrong: set certificates.password_file"),
    "unresolved": say("its name was not resolved in time"),
    "nothing": say("the handshake succeeds without a certificate"),
    "no-starttls": say("the server does not offer STARTTLS"),
    "closed": say("the server ended the connection before TLS began"),
    "own": say("this host does not let opskit ask: {why}", why=""),
    "early": say("the server goes on talking after it has agreed to TLS"),
    "starttls": say("the server does not switch to TLS: {why}", why=""),
}
_OTHERS = say("{why}", why="")
"""Failures in opskit's own words, by kind; the others carry the system's."""


def no_certificate(seen: Seen) -> Message:
    """Say why a place holds no certificate that could be read."""
    if seen.failure is None:
        return say("it cannot be parsed")
    text = _TEXTS.get(seen.failure.kind, _OTHERS)
    text = Message(text.template, {"why": seen.failure.text})
    return say("{text}; {conf} names it", text=text, conf=seen.named_by) if seen.named_by else text


def left_out(shelf: Shelf) -> list[Message]:
    """A note for everything that was not looked at."""
    return [
        *(say("no file matches {pattern}", pattern=pattern) for pattern in shelf.unmatched),
        *(
            say("{place} cannot be reached from this host and was not looked at", place=place)
            for place in shelf.unreached
        ),
        *(say("{place} holds too many files: not all were looked at", place=place) for place in shelf.cut),
        *(say("the Nginx configuration cannot be read as a whole: {why}", why=why) for why in shelf.conf_unread),
        *(
            say("Nginx loads {path}, which was not looked at: {why}", path=path, why=why)
            for path, why in shelf.conf_hidden.items()
        ),
        *(
            say("Nginx chooses certificates by a variable, {value}: which ones is not known", value=value)
            for value in shelf.conf_variable
        ),
    ]
