"""A password as the settings name it: never the word itself, but a file or a variable that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from opskit.model.message import say
from opskit.notify.channel import ChannelError


def secret(reference: str, environ: Mapping[str, str]) -> str:
    """Return what `$NAME` or the file at `reference` holds, without the line end that editors add.

    It is read at each use, so a changed password counts at once. Raises ChannelError; the secret is in no message.
    """
    word = _word(reference, environ)
    # SMTP carries it as ASCII; smtplib's own complaint would quote from it.
    if not word or not word.isascii() or not word.isprintable():
        raise ChannelError(
            say("The password in {reference} is empty or has other characters than ASCII", reference=reference),
            permanent=False,
        )
    return word


def secret_lines(reference: str, environ: Mapping[str, str]) -> list[str]:
    """Return the lines of a secret that has several, without empty ones and comments. Raises ChannelError."""
    text = _word(reference, environ)
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise ChannelError(say("there is no address in {file}", file=reference), permanent=False)
    return found


def _word(reference: str, environ: Mapping[str, str]) -> str:
    return _variable(reference[1:], environ) if reference.startswith("$") else _file(reference)


def _variable(name: str, environ: Mapping[str, str]) -> str:
    if name not in environ:
        raise ChannelError(say("The environment has no variable {name} for the password", name=name), permanent=False)
    return environ[name]


def _file(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8", "replace").rstrip("\r\n")
    except OSError as error:
        raise ChannelError(
            say("The password file {path} cannot be read: {error}", path=path, error=error.strerror or str(error)),
            permanent=False,
        ) from error
