"""Certificates on the wire: every address of an endpoint, verified, and where that fails looked at all the same.

A server may hold an RSA and an ECDSA certificate and show each client one. The other is asked for by TLS 1.2, where
the cipher names the kind; a server that speaks only 1.3 shows its first alone.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
import threading
from typing import Any

import msgspec
import psutil

from opskit.model.endpoint import Endpoint
from opskit.model.message import say
from opskit.probes.base import Deadline
from opskit.probes.certificate_evidence import Seen
from opskit.probes.door import OwnError, addresses_of, connected
from opskit.probes.exchange import Failure, failure_of
from opskit.probes.http_date import is_about_dates, server_date
from opskit.probes.starttls import RefusedError, ask_for_tls
from opskit.probes.tls import tls_context
from opskit.probes.x509_known import parsed

_LEAST_S = 0.05
_MOST_ADDRESSES = 16
_MOST_CERTIFICATES = 12
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.ENETDOWN}
_RANK = {"timeout": 0, "own": 8, "unreachable": 9}
_OTHER = {"EC": ("RSA", "aRSA:!eNULL"), "RSA": ("ECDSA", "aECDSA:!eNULL")}

Address = tuple[int, Any]
"""A family and what `connect` takes."""


class _Shown(msgspec.Struct, frozen=True):
    """What a handshake brought: certificates as PEM, the server's own first; `failure` where it did not succeed.

    `whole` is False where the others could not be had. `date` is the time by the server's clock, where it was asked.
    """

    pem: list[str] = []
    whole: bool = False
    failure: Failure | None = None
    date: float | None = None


class Visit(msgspec.Struct, frozen=True):
    """One endpoint, the name that it must prove, and the CA file where the CA is private."""

    endpoint: Endpoint
    name: str
    ca_file: str | None = None


def visit(where: Visit, deadline: Deadline) -> tuple[list[Seen], list[str]]:
    """Return what each address of the endpoint shows, and the addresses that this host has no way to.

    Raises ProbeError where the CA file cannot be used.
    """
    shown = where.endpoint.shown
    deadline.stage = say("resolve the name in {endpoint}", endpoint=shown)
    addresses = _resolved(where.endpoint, deadline)
    if isinstance(addresses, Failure):
        return [Seen(shown, failure=addresses, live=True)], []
    deadline.stage = say("TLS handshake with {endpoint}", endpoint=shown)
    found = list[Seen]()
    for position, address in enumerate(addresses):
        place = shown if len(addresses) == 1 else f"{shown} {address[1][0]}"
        found += _look(where, address, place, Deadline(deadline.left / (len(addresses) - position)))
    return _sorted_out(shown, found)


def _sorted_out(shown: str, found: list[Seen]) -> tuple[list[Seen], list[str]]:
    """Where one address answers, a silent one is a matter of its own; one without a route from here is no fault."""
    answered = [seen for seen in found if seen.pem]
    silent = [seen for seen in found if not seen.pem]
    if not answered:
        worst = min(silent, key=lambda seen: _RANK.get(seen.failure.kind if seen.failure else "", 5))
        return [msgspec.structs.replace(worst, place=shown)], []
    lost = [seen for seen in silent if _is_excused(seen)]
    partial = [msgspec.structs.replace(seen, partial=True) for seen in silent if seen not in lost]
    return [*answered, *partial], [seen.place for seen in lost]


def _is_excused(seen: Seen) -> bool:
    """No way leads there; or a name of this host itself stands for two families, of which the server uses one."""
    kind = seen.failure.kind if seen.failure else ""
    return kind == "unreachable" or (kind == "refused" and _is_loopback(seen.place.rpartition(" ")[2]))


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _resolved(endpoint: Endpoint, deadline: Deadline) -> list[Address] | Failure:
    """The addresses, each once. The look-up knows no time-out of its own, so it is left behind when it hangs."""
    result = list[list[Address] | Failure]()

    def look_up() -> None:
        try:
            found = addresses_of(endpoint.host, endpoint.port)
            addresses: dict[Address, None] = dict.fromkeys((entry[0], entry[4]) for entry in found)
            result.append(list(addresses)[:_MOST_ADDRESSES])
        except (OSError, ValueError) as error:
            result.append(_failure(error, "resolve"))

    thread = threading.Thread(target=look_up, name="resolve", daemon=True)
    thread.start()
    thread.join(max(deadline.left, _LEAST_S))
    return result[0] if result else Failure("unresolved", "resolve", "")


def _look(where: Visit, address: Address, place: str, deadline: Deadline) -> list[Seen]:
    first = _seen(where, address, place, deadline, "")
    other = _other_kind(first)
    if other is None or not deadline.left:
        return [first]
    kind, ciphers = other
    second = _seen(where, address, f"{place} {kind}", deadline, ciphers)
    return [first, second] if second.pem and second.pem[0] != first.pem[0] else [first]


def _other_kind(first: Seen) -> tuple[str, str] | None:
    leaf = parsed(first.pem[0]) if first.pem else None
    return _OTHER.get(leaf.key.kind) if leaf is not None and leaf.key is not None else None


def _seen(where: Visit, address: Address, place: str, deadline: Deadline, ciphers: str) -> Seen:
    local = _is_local(address)
    trusting = _handshake(where, address, deadline, _context(where, ciphers, verify=True))
    if trusting.failure is None:
        return Seen(place, trusting.pem, live=True, path=True, local=local)
    # Asked for the other kind, a server that has none breaks the handshake off: nothing to look into.
    if trusting.failure.kind not in ({"certificate"} if ciphers else {"certificate", "tls"}):
        return Seen(place, failure=trusting.failure, live=True, local=local)
    dated = is_about_dates(trusting.failure) and not where.endpoint.protocol
    plain = _handshake(where, address, deadline, _context(where, ciphers, verify=False), dated=dated)
    pem = plain.pem or trusting.pem
    if pem:
        unverified = trusting.failure
        return Seen(place, pem, unverified=unverified, live=True, sent=plain.whole, local=local, date=plain.date)
    return Seen(place, failure=plain.failure or trusting.failure, live=True, local=local)


def _context(where: Visit, ciphers: str, *, verify: bool) -> ssl.SSLContext:
    """Without `verify` weak keys and old versions are let in too: their dates are wanted all the same."""
    context = tls_context(verify=verify, ca_file=where.ca_file)
    if not verify:
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    if ciphers:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if ciphers or not verify:
        context.set_ciphers((ciphers or "ALL:!aNULL:!eNULL") + ("" if verify else ":@SECLEVEL=0"))
    return context


def _handshake(
    where: Visit, address: Address, deadline: Deadline, context: ssl.SSLContext, *, dated: bool = False
) -> _Shown:
    shown = _Shown()
    stage = "STARTTLS" if where.endpoint.protocol else "TLS handshake"
    try:
        with connected(address[0], socket.SOCK_STREAM, 0, address[1], max(deadline.left, _LEAST_S)) as plain:
            if where.endpoint.protocol:
                ask_for_tls(plain, where.endpoint.protocol, deadline)
            stage = "TLS handshake"
            plain.settimeout(max(deadline.left, _LEAST_S))
            with context.wrap_socket(plain, server_hostname=where.name, do_handshake_on_connect=False) as secure:
                try:
                    secure.do_handshake()
                finally:
                    # A server that asks for a client's certificate ends the handshake, but has shown its own.
                    shown = _chain(secure, verified=context.verify_mode == ssl.CERT_REQUIRED)
                if dated:
                    shown = msgspec.structs.replace(shown, date=server_date(secure, where.name, deadline))
    except RefusedError as error:
        return _Shown(failure=Failure(error.kind, stage, str(error)))
    except (OSError, ValueError) as error:
        return msgspec.structs.replace(shown, failure=_failure(error, stage))
    return shown if shown.pem else _Shown(failure=Failure("nothing", stage, ""))


def _failure(error: Exception, stage: str) -> Failure:
    if isinstance(error, OwnError):
        return Failure("own", stage, error.strerror or "?")
    if isinstance(error, OSError) and error.errno in _NO_WAY:
        return Failure("unreachable", stage, error.strerror or str(error))
    return failure_of(error if isinstance(error, OSError) else OSError(str(error)), stage)


def _chain(secure: ssl.SSLSocket, *, verified: bool) -> _Shown:
    """The path that was verified, else what the server sent.

    Public from Python 3.13 on; 3.11 and 3.12 have the same methods one layer below. Where even those are missing the
    server's own certificate has to do.
    """
    inner = getattr(secure, "_sslobj", None)
    for name in ("get_verified_chain", "get_unverified_chain") if verified else ("get_unverified_chain",):
        ask = getattr(inner, name, None)
        found = [ssl.DER_cert_to_PEM_cert(_der(each)) for each in (ask() if ask else None) or ()]
        if found:
            return _Shown(found[:_MOST_CERTIFICATES], whole=True)
    try:
        own = secure.getpeercert(binary_form=True)
    except ValueError:  # the handshake is not over
        own = None
    return _Shown([ssl.DER_cert_to_PEM_cert(own)] if own else [])


def _der(shown: Any) -> bytes:
    return shown if isinstance(shown, bytes) else bytes(shown.public_bytes(2))  # _ssl.ENCODING_DER


def _is_local(address: Address) -> bool | None:
    """Whether the address belongs to this host; None where its interfaces cannot be listed."""
    plain = str(address[1][0]).partition("%")[0]
    if _is_loopback(plain):
        return True
    try:
        own = psutil.net_if_addrs().values()
    except OSError:
        return None
    return any(plain == each.address.partition("%")[0] for found in own for each in found)
