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
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from opskit.logs.redact import redact
from opskit.model.message import Message, say
from opskit.probes.base import Deadline, ProbeError

_BODY_CAP = 1 << 20
_STAGES = {
    "resolve": say("resolve the name in"),
    "connect to": say("connect to"),
    "TLS handshake with": say("TLS handshake with"),
    "send request to": say("send the request to"),
    "wait for the first byte from": say("wait for the first byte from"),
    "read the answer of": say("read the answer of"),
}


class Failure(msgspec.Struct, frozen=True):
    """Why there is no whole answer: `kind` is a word for conditions, `stage` where it happened, `text` the system's."""

    kind: str
    stage: str
    text: str


class Exchange(msgspec.Struct, frozen=True):
    """One request and what came back. Times are seconds since the start of the exchange, on the monotonic clock."""

    url: str
    method: str = "GET"
    status: int | None = None
    headers: dict[str, str] = {}
    body: str = ""
    phases: dict[str, float] = {}
    failure: Failure | None = None

    @property
    def refused(self) -> bool:
        """True where nobody listens at the address."""
        return self.failure is not None and self.failure.kind == "refused"

    @property
    def timed_out(self) -> bool:
        """True where the time ran out waiting for the other side."""
        return self.failure is not None and self.failure.kind == "timeout"


class Target(msgspec.Struct, frozen=True):
    """What to ask. `payload` is sent as JSON with POST; `verify` False looks at the server without trusting it."""

    url: str
    payload: dict[str, object] | None = None
    headers: dict[str, str] = {}
    verify: bool = True
    ca_file: str | None = None


def stage_at(stage: str, url: str) -> Message:
    """Return what an exchange was doing, and with whom, for a person."""
    return say("{stage} {url}", stage=_STAGES.get(stage, stage), url=url)


Listener = Callable[[bytes, float], bool]
"""Called with each line of a body and the seconds since the start; returns True when it has heard enough."""


def exchange(target: Target, deadline: Deadline, listener: Listener | None = None) -> Exchange:
    """Perform one exchange without following redirects. What the other side does wrong is in the result, never raised.

    Raises ProbeError where the request itself cannot be made (an address that is no HTTP URL, an unreadable CA file).
    """
    return _Stopwatch(target, deadline).run(listener)


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
    kind = next(word for family, word in kinds if isinstance(error, family))
    return Failure(kind, stage, redact(str(error)) or type(error).__name__)


class _Stopwatch:
    def __init__(self, target: Target, deadline: Deadline) -> None:
        self.target = target
        self.deadline = deadline
        self.parts = urlsplit(target.url)
        if self.parts.scheme not in {"http", "https"} or not self.parts.hostname:
            raise ProbeError(say("{url} is not an http(s) address: correct it in opskit.yaml", url=target.url))
        self.phases: dict[str, float] = {}
        self.stage = "resolve"
        self.began = time.monotonic()

    def run(self, listener: Listener | None) -> Exchange:
        status, headers, body, failure = None, {}, b"", None
        sock: socket.socket | None = None
        try:
            sock = self._connect()
            response = self._ask(sock)
            status = response.status
            headers = {name.lower(): value for name, value in response.getheaders()}
            body = self._body(response, sock, listener)
        except (OSError, http.client.HTTPException) as error:
            failure = failure_of(error, self.stage)
        finally:
            if sock is not None:
                sock.close()
        self.phases["total_s"] = self._now()
        text = body.decode("utf-8", "replace")
        method = "GET" if self.target.payload is None else "POST"
        return Exchange(self.target.url, method, status, headers, text, self.phases, failure)

    def _now(self) -> float:
        return round(time.monotonic() - self.began, 6)

    def _enter(self, stage: str) -> float:
        self.stage = stage
        self.deadline.stage = stage_at(stage, self.target.url)
        left = self.deadline.left
        if not left:
            raise TimeoutError("the time for this probe is over")
        return left

    def _connect(self) -> socket.socket:
        port = self.parts.port or (443 if self.parts.scheme == "https" else 80)
        self._enter("resolve")
        addresses = socket.getaddrinfo(self.parts.hostname, port, type=socket.SOCK_STREAM)
        self.phases["dns_s"] = self._now()
        sock = self._first_that_answers(addresses)
        self.phases["connect_s"] = self._now()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.parts.scheme == "https":
            sock.settimeout(self._enter("TLS handshake with"))
            sock = tls_context(self.target).wrap_socket(sock, server_hostname=self.parts.hostname)
            self.phases["tls_s"] = self._now()
        return sock

    def _first_that_answers(self, addresses: Sequence[tuple[Any, ...]]) -> socket.socket:
        last: OSError | None = None
        for family, kind, protocol, _name, address in addresses:
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(self._enter("connect to"))
                sock.connect(address)
            except OSError as error:
                sock.close()
                last = error
            else:
                return sock
        raise last or OSError("the name has no address")

    def _ask(self, sock: socket.socket) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(self.parts.hostname or "", timeout=self._enter("send request to"))
        connection.sock = sock
        path = (self.parts.path or "/") + (f"?{self.parts.query}" if self.parts.query else "")
        headers = {"User-Agent": "opskit", "Host": self.parts.netloc.rpartition("@")[2], "Connection": "close"}
        body = None
        if self.target.payload is not None:
            body = json.dumps(self.target.payload).encode()
            headers["Content-Type"] = "application/json"
        connection.request("GET" if body is None else "POST", path, body, {**headers, **self.target.headers})
        sock.settimeout(self._enter("wait for the first byte from"))
        response = connection.getresponse()
        self.phases["first_byte_s"] = self._now()
        return response

    def _body(self, response: http.client.HTTPResponse, sock: socket.socket, listener: Listener | None) -> bytes:
        kept = bytearray()
        for line in self._lines(response, sock):
            if len(kept) < _BODY_CAP:
                kept += line
            if listener is not None and listener(line, self._now()):
                break
            if listener is None and len(kept) >= _BODY_CAP:
                break
        return bytes(kept[:_BODY_CAP])

    def _lines(self, response: http.client.HTTPResponse, sock: socket.socket) -> Iterator[bytes]:
        while True:
            sock.settimeout(self._enter("read the answer of"))
            line = response.readline(1 << 16)
            if not line:
                return
            yield line


def tls_context(target: Target) -> ssl.SSLContext:
    """Return the context for a target.

    Raises ProbeError where its CA file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=target.ca_file)
    except (OSError, ssl.SSLError) as error:
        text = say("the CA file {path} cannot be used: {why}", path=target.ca_file or "?", why=str(error))
        raise ProbeError(text) from None
    # From Python 3.13 the default context is stricter than browsers and curl: private CAs without a key identifier
    # would turn red after an upgrade (cpython #107361).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not target.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def secret_of(reference: str, environment: Mapping[str, str]) -> str:
    """Return the secret that a `*_file` setting refers to: a path, or `$NAME` of an environment variable.

    Raises ProbeError that names the reference, never the secret.
    """
    if reference.startswith("$"):
        value = environment.get(reference[1:], "")
        if not value:
            raise ProbeError(say("the environment variable {name} is not set", name=reference))
        return value
    try:
        with open(reference, encoding="utf-8") as file:  # noqa: PTH123  # a path as the operator wrote it
            return file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not text"
        raise ProbeError(say("the key file {path} cannot be read: {why}", path=reference, why=why)) from None
