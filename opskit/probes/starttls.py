"""What must be said in the clear before TLS begins: SMTP, IMAP, POP3, LDAP and PostgreSQL.

Nothing but the switch is asked for: no login, no message. What a server sends beyond its consent would later be taken
for protected speech (CVE-2011-0411, CVE-2021-23222), so it ends the conversation.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable

from opskit.logs.redact import redact
from opskit.model.regex import regex
from opskit.probes.base import Deadline

_LONGEST_LINE = 4096
_MOST_LINES = 100
_LONGEST_ANSWER = 1 << 16
_SHOWN = 120
_LDAP_REQUEST = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
_LDAP_ANSWER = regex(rb"\x02\x01\x01\x78(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)\x0a\x01(.)", re.DOTALL)
_POSTGRES_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class RefusedError(OSError):
    """The server answers but does not switch to TLS. The text is its own, shortened.

    `kind` is a word for a failure: `no-starttls` (it does not offer it), `early` (it went on talking), `closed`, or
    `starttls` for any other answer.
    """

    def __init__(self, text: str, kind: str = "starttls") -> None:
        self.kind = kind
        super().__init__(text)


class _Line:
    """The connection while it is still in the clear; every wait ends with the deadline."""

    def __init__(self, sock: socket.socket, deadline: Deadline) -> None:
        self._sock = sock
        self._deadline = deadline
        self._pending = b""

    def send(self, data: bytes) -> None:
        self._patient()
        self._sock.sendall(data)

    def line(self) -> str:
        """Return the next line without its end."""
        while b"\n" not in self._pending:
            if len(self._pending) > _LONGEST_LINE:
                raise RefusedError(_shown(self._pending))
            self._pending += self._some()
        line, _, self._pending = self._pending.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def exactly(self, size: int) -> bytes:
        """Return so many bytes."""
        while len(self._pending) < size:
            self._pending += self._some()
        data, self._pending = self._pending[:size], self._pending[size:]
        return data

    def insist_on_silence(self) -> None:
        if self._pending:
            raise RefusedError(_shown(self._pending), "early")

    def _some(self) -> bytes:
        self._patient()
        piece = self._sock.recv(4096)
        if not piece:
            raise RefusedError(_shown(self._pending), "closed")
        return piece

    def _patient(self) -> None:
        left = self._deadline.left
        if not left:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)


def ask_for_tls(sock: socket.socket, protocol: str, deadline: Deadline) -> None:
    """Hold the conversation of `protocol` up to where the handshake begins.

    Raises RefusedError where the server will not, and OSError where the connection fails.
    """
    line = _Line(sock, deadline)
    _CONVERSATIONS[protocol](line, sock)
    line.insist_on_silence()


def _smtp(line: _Line, sock: socket.socket) -> None:
    """RFC 3207."""
    _smtp_reply(line, "220")
    line.send(f"EHLO {_literal(sock)}\r\n".encode())
    able = [each[4:].strip().upper() for each in _smtp_reply(line, "250")[1:]]  # the first line is its name
    if "STARTTLS" not in able:
        raise RefusedError(_shown(", ".join(able)), "no-starttls")
    line.send(b"STARTTLS\r\n")
    _smtp_reply(line, "220")


def _smtp_reply(line: _Line, code: str) -> list[str]:
    lines = list[str]()
    while len(lines) < _MOST_LINES:
        lines.append(line.line())
        if lines[-1][3:4] != "-":
            break
    if not lines[-1].startswith(code):
        raise RefusedError(_shown(lines[-1]))
    return lines


def _literal(sock: socket.socket) -> str:
    """The name for EHLO: the own address, which needs no look-up (RFC 5321 4.1.3)."""
    own = ipaddress.ip_address(sock.getsockname()[0].partition("%")[0])
    return f"[IPv6:{own}]" if own.version == 6 else f"[{own}]"


def _imap(line: _Line, _sock: socket.socket) -> None:
    """RFC 9051 6.2.1. A connection that is authenticated already (PREAUTH) cannot switch any more."""
    greeting = line.line()
    if not greeting.upper().startswith("* OK"):
        raise RefusedError(_shown(greeting))
    line.send(b"a1 STARTTLS\r\n")
    for _ in range(_MOST_LINES):
        said = line.line()
        if said.lower().startswith("a1 "):
            break
    if said.upper().split()[:2] != ["A1", "OK"]:
        raise RefusedError(_shown(said))


def _pop3(line: _Line, _sock: socket.socket) -> None:
    """RFC 2595 4."""
    for word in (b"", b"STLS\r\n"):
        if word:
            line.send(word)
        said = line.line()
        if not said.startswith("+OK"):
            raise RefusedError(_shown(said))


def _ldap(line: _Line, _sock: socket.socket) -> None:
    """RFC 4511 4.14: an extended request, whose answer carries resultCode 0 where the server agrees."""
    line.send(_LDAP_REQUEST)
    head = line.exactly(2)
    size = head[1]
    if head[0] != 0x30:
        raise RefusedError(_shown(head))
    if size > 0x80:
        size = int.from_bytes(line.exactly(min(size - 0x80, 4)), "big")
    if size > _LONGEST_ANSWER:
        raise RefusedError(f"LDAP length {size}")
    answer = line.exactly(size)
    found = _LDAP_ANSWER.match(answer)
    if found is None:
        raise RefusedError(_shown(answer))
    if found[1] != b"\0":
        raise RefusedError(f"LDAP resultCode {found[1][0]}")


def _postgres(line: _Line, _sock: socket.socket) -> None:
    """PostgreSQL 55.2.12, SSLRequest: one byte, S or N."""
    line.send(_POSTGRES_REQUEST)
    said = line.exactly(1)
    if said != b"S":
        raise RefusedError("N (ssl = off)" if said == b"N" else _shown(said))


def _shown(said: str | bytes) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return redact(text)[:_SHOWN]


_CONVERSATIONS: dict[str, Callable[[_Line, socket.socket], None]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ldap": _ldap,
    "postgres": _postgres,
}
