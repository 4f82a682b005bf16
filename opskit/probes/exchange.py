"""One HTTP exchange with a stopwatch: resolve, connect, TLS, first byte, body. Used by every probe that speaks HTTP.

Built on socket, ssl and http.client because the phases are the evidence: `requests` cannot tell a refused connection
from a slow handshake, nor the first byte from the first token (Response.elapsed ends at the headers).
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from opskit.logs.redact import redact
from opskit.model.message import say
from opskit.probes.address import address_of
from opskit.probes.base import Deadline, OwnLimitError, ProbeError
from opskit.probes.content_coding import plain
from opskit.probes.door import OwnError, addresses_of, connected
from opskit.probes.exchange_evidence import Exchange, Failure, stage_at
from opskit.probes.patient import Patient
from opskit.probes.tls import identify, tls_context

__all__ = ["Exchange", "Failure", "Target", "exchange", "failure_of"]

_BODY_CAP = 1 << 20
_BLOCK = 1 << 16
_TEXT_CAP = 300
_RANK: dict[type[OSError], int] = {TimeoutError: 0, ConnectionRefusedError: 1, OwnError: 3}
_OTHERS = 2


class Target(msgspec.Struct, frozen=True):
    """What to ask. `payload` is sent as JSON with POST; `verify` False looks at the server without trusting it.

    `certificate_file` is what the server knows this client by, with `key_file` where the key is not in it too.
    """

    url: str
    payload: dict[str, object] | None = None
    headers: dict[str, str] = {}
    verify: bool = True
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None


Listener = Callable[[bytes, float], bool]
"""Called with each line of a body, without its end, and the seconds since the start; True: it has heard enough."""


def exchange(target: Target, deadline: Deadline, listener: Listener | None = None) -> Exchange:
    """Perform one exchange without following redirects. What the other side does wrong is in the result, never raised.

    Raises ProbeError where the request itself cannot be made (an address that is no HTTP URL, an unreadable CA file),
    and OwnLimitError where this host does not let it: then nothing is known of the other side.
    """
    return _Stopwatch(target, deadline).run(listener)


def payload_bytes(payload: dict[str, object]) -> bytes:
    """Return a payload as it is sent, for whoever signs it."""
    return json.dumps(payload).encode("ascii")


def failure_of(error: Exception, stage: str) -> Failure:
    """Name an operating system or protocol error by what it means for the caller."""
    kinds: tuple[tuple[type[Exception], str], ...] = (
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
        (ssl.SSLCertVerificationError, "certificate"),
        (ssl.SSLError, "tls"),
        (socket.gaierror, "dns"),
        (ConnectionError, "reset"),
        (http.client.HTTPException, "protocol"),
        (OSError, "network"),
    )
    kind = next((word for family, word in kinds if isinstance(error, family)), "protocol")
    return Failure(kind, stage, redact(str(error))[:_TEXT_CAP] or type(error).__name__)


class _Stopwatch:
    def __init__(self, target: Target, deadline: Deadline) -> None:
        self.target = target
        self.deadline = deadline
        self.place = address_of(target.url)
        self.shown = redact(target.url)
        self.context = (
            tls_context(verify=target.verify, ca_file=target.ca_file) if self.place.scheme == "https" else None
        )
        if self.context is not None and target.certificate_file is not None:
            identify(self.context, target.certificate_file, target.key_file)
        self.sock: socket.socket | None = None
        self.phases: dict[str, float] = {}
        self.stage = "resolve"
        self.certificate = ""
        self.began = time.monotonic()

    def run(self, listener: Listener | None) -> Exchange:
        status, headers, body, failure = None, {}, bytearray(), None
        try:
            response = self._ask(self._connect())
            status = response.status
            headers = {name.lower(): value for name, value in response.getheaders()}
            self._hear(response, body, listener)
        except OwnError as error:
            why = error.strerror or "?"
            raise OwnLimitError(
                say("this host does not let opskit ask {url}: {why}", url=self.shown, why=why)
            ) from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            failure = failure_of(error, self.stage)
        finally:
            if self.sock is not None:
                self.sock.close()
        self.phases["total_s"] = self._now()
        text = plain(bytes(body), headers, _BODY_CAP).decode("utf-8", "replace")
        method = "GET" if self.target.payload is None else "POST"
        return Exchange(self.shown, method, status, headers, text, self.phases, failure, self.certificate)

    def _now(self) -> float:
        return round(time.monotonic() - self.began, 6)

    def _enter(self, stage: str) -> float:
        self.stage = stage
        self.deadline.stage = stage_at(stage, self.shown)
        return self._left()

    def _left(self) -> float:
        left = self.deadline.left
        if not left:
            raise TimeoutError("the time for this probe is over")
        return left

    def _connect(self) -> socket.socket:
        self._enter("resolve")
        # It knows no time-out: where the resolver hangs, the caller leaves this thread behind (app.observe).
        addresses = addresses_of(self.place.host, self.place.port)
        self.phases["dns_s"] = self._now()
        self.sock = sock = self._first_that_answers(addresses)
        self.phases["connect_s"] = self._now()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            sock.settimeout(self._enter("TLS handshake with"))
            self.sock = secure = self.context.wrap_socket(sock, server_hostname=self.place.host)
            self.phases["tls_s"] = self._now()
            shown = secure.getpeercert(binary_form=True)
            self.certificate = ssl.DER_cert_to_PEM_cert(shown) if shown else ""
            return secure
        return sock

    def _first_that_answers(self, addresses: Sequence[tuple[Any, ...]]) -> socket.socket:
        """Connect to one of the addresses; each gets its share of the time: a dead one leaves some to others."""
        errors = list[OSError]()
        for position, (family, kind, protocol, _name, address) in enumerate(addresses):
            share = self._enter("connect to") / (len(addresses) - position)
            try:
                return connected(family, kind, protocol, address, share)
            except OSError as error:
                errors.append(error)
        # "Refused" is believed only where no address kept silent; one without a route is no news beside it, and what
        # this host forbids is none at all.
        raise min(errors, key=lambda error: _RANK.get(type(error), _OTHERS))

    def _ask(self, sock: socket.socket) -> http.client.HTTPResponse:
        self._enter("send request to")
        connection = http.client.HTTPConnection(self.place.host)
        connection.sock = Patient(sock, self._left)
        headers = {"User-Agent": "opskit", "Host": self.place.netloc, "Connection": "close"}
        body = None
        if self.target.payload is not None:
            body = payload_bytes(self.target.payload)
            headers["Content-Type"] = "application/json"
        method = "GET" if body is None else "POST"
        try:
            connection.request(method, self.place.path, body, {**headers, **self.target.headers})
        except ValueError:  # its text holds the header, which may be the key
            text = say("HTTP cannot carry what is to be sent to {url}: check key_header and the key", url=self.shown)
            raise ProbeError(text) from None
        self._enter("wait for the first byte from")
        response = connection.getresponse()
        self.phases["first_byte_s"] = self._now()
        return response

    def _hear(self, response: http.client.HTTPResponse, body: bytearray, listener: Listener | None) -> None:
        """Read the body into `body`, so that what came before a failure is kept."""
        self._enter("read the answer of")
        pending = b""
        while piece := response.read1(_BLOCK):
            body += piece[: max(0, _BODY_CAP - len(body))]
            *lines, pending = (pending + piece).split(b"\n")
            if any(listener(line, self._now()) for line in lines) if listener else len(body) >= _BODY_CAP:
                return
            pending = pending[:_BODY_CAP] if listener else b""
        if listener and pending:
            listener(pending, self._now())
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
