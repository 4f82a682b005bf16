"""Certificates on disk and on the wire: how long they last, whether the server's chain and name hold.

Two handshakes for a live endpoint: one that verifies, and where that fails one that does not, because the dates matter
most just when verification fails. All arithmetic is in seconds and UTC; rounding is for display only.
"""

from __future__ import annotations

import glob
import re
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Fact, Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError
from opskit.probes.exchange import Failure, failure_of
from opskit.probes.pem import ODD, parsed
from opskit.probes.tls import tls_context

_DAY_S = 86400.0
_LONGEST_CYCLE_DAYS = 90.0
_PEM = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.+?-----END (?:TRUSTED |X509 )?CERTIFICATE-----", re.DOTALL
)
_FILE_CAP = 4 << 20
_LEAST_S = 0.05
_TEXTS = {
    "missing": say("there is no such file, or it may not be looked at"),
    "empty": say("it holds no PEM certificate"),
}
"""Failures in opskit's own words, by kind; the others carry the system's."""


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """PEM files (globs), `host:port` endpoints, the name they must prove, and a CA file where the CA is private."""

    files: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    server_name: str | None = None
    ca_file: str | None = None


class Facts(msgspec.Struct, frozen=True):
    """The worst over everything that was looked at."""

    days_left: float | None = None
    trusted: bool | None = None
    unreadable: int | None = None


class Seen(msgspec.Struct, frozen=True):
    """One file or endpoint: its certificates as PEM, or why there are none, and what verifying came to."""

    place: str
    pem: list[str] = []
    failure: Failure | None = None
    unverified: Failure | None = None
    live: bool = False


class Shelf(msgspec.Struct, frozen=True):
    """The evidence. Public certificates only: a private key in the same file is never read into it."""

    seen: list[Seen]
    unmatched: list[str] = []


class CertificateProbe(Probe[Args]):
    """Looks at every configured file and endpoint."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"days_left", "validity_left_pct", "begun", "trusted", "readable", "answered"})

    def defaults(self, settings: Settings) -> Args:
        """The configured files and endpoints."""
        wanted = settings.certificates
        return Args(wanted.files, wanted.endpoints, wanted.server_name, wanted.ca_file)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Read the files, shake hands with the endpoints."""
        matches = {pattern: _matches(pattern) for pattern in args.files}
        seen = [_from_file(path, deadline) for path in sorted({path for found in matches.values() for path in found})]
        for position, endpoint in enumerate(args.endpoints):
            # Each gets its share of the time: one that hangs must not hide the others.
            deadline.stage = say("TLS handshake with {endpoint}", endpoint=endpoint)
            seen.append(_from_endpoint(endpoint, args, Deadline(deadline.left / (len(args.endpoints) - position))))
        if not seen:
            shown = ", ".join((*args.files, *args.endpoints)) or "-"
            raise ProbeError(say("no certificate found at {places}: set certificates in opskit.yaml", places=shown))
        unmatched = [pattern for pattern, found in matches.items() if not found]
        return (pack("certificate.json", Shelf(seen, unmatched), "certificates"),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Measure every certificate; of a file with a chain the one that ends first counts."""
        del args
        at = now.timestamp()
        samples: list[Sample] = []
        evidence: list[Evidence] = []
        why: dict[str, Message] = {}
        shelf = unpack(raws, Shelf)
        for seen in shelf.seen:
            labels = {"certificate": seen.place}
            chain = _parsed(seen)
            if seen.live:
                samples.append(Sample("answered", float(bool(chain)), "", labels, at))
                samples += [Sample("trusted", float(seen.unverified is None), "", labels, at)] if chain else []
            else:
                # A file that cannot be read says nothing about the certificate: unknown, unlike a silent server.
                samples.append(Sample("readable", 1.0 if chain else None, "", labels, at))
            if not chain:
                why[f"{'answered' if seen.live else 'readable'} {seen.place}"] = _no_certificate(seen)
                continue
            if seen.unverified is not None:
                why[f"trusted {seen.place}"] = say("{why}", why=seen.unverified.text)
            first = min(chain, key=lambda certificate: certificate.not_valid_after_utc)
            samples += _samples(first, chain, labels, now)
            evidence.append(Evidence(seen.place, _line(first), field="notAfter", at=at))
        facts: dict[str, Fact] = {
            "days_left": min(
                (s.value for s in samples if s.metric == "days_left" and s.value is not None), default=None
            ),
            "trusted": _all(samples, "trusted"),
            "unreadable": sum(not sample.value for sample in samples if sample.metric in {"readable", "answered"}),
        }
        absent = {"days_left": say("no certificate could be read"), "trusted": say("no endpoint showed a certificate")}
        why.update({name: text for name, text in absent.items() if facts[name] is None})
        notes = tuple(say("no file matches {pattern}", pattern=pattern) for pattern in shelf.unmatched)
        return Reading(facts, {"days_left": tuple(evidence)}, why, tuple(samples), notes)


def _matches(pattern: str) -> list[str]:
    """A pattern with wildcards may match nothing; a plain path stands for itself, so that a missing file is noticed."""
    if glob.has_magic(pattern):
        return glob.glob(pattern)  # noqa: PTH207  # pathlib cannot glob an absolute pattern
    return [pattern]


def _from_file(path: str, deadline: Deadline) -> Seen:
    deadline.enter(say("read {path}", path=path))
    try:
        if not Path(path).is_file():
            return Seen(path, failure=_own_words("missing", "open"))
        with open(path, "rb") as file:  # noqa: PTH123  # bounded read of a path as the operator wrote it
            data = file.read(_FILE_CAP)
    except OSError as error:
        return Seen(path, failure=Failure("file", "open", error.strerror or str(error)))
    pem = [block.decode("ascii", "replace") for block in _PEM.findall(data)]
    return Seen(path, pem) if pem else Seen(path, failure=_own_words("empty", "read"))


def _from_endpoint(endpoint: str, args: Args, deadline: Deadline) -> Seen:
    host, _, port = endpoint.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ProbeError(say("{endpoint} is not host:port: correct certificates.endpoints", endpoint=endpoint))
    name = args.server_name or host.strip("[]")
    verified = _handshake((host.strip("[]"), int(port)), name, args, deadline, verify=True)
    if isinstance(verified, str):
        return Seen(endpoint, [verified], live=True)
    if verified.kind not in {"certificate", "tls"}:
        return Seen(endpoint, failure=verified, live=True)
    shown = _handshake((host.strip("[]"), int(port)), name, args, deadline, verify=False)
    if isinstance(shown, str):
        return Seen(endpoint, [shown], unverified=verified, live=True)
    return Seen(endpoint, failure=shown, live=True)


def _handshake(address: tuple[str, int], name: str, args: Args, deadline: Deadline, *, verify: bool) -> str | Failure:
    context = tls_context(verify=verify, ca_file=args.ca_file)
    try:
        with socket.create_connection(address, timeout=max(deadline.left, _LEAST_S)) as plain:
            plain.settimeout(max(deadline.left, _LEAST_S))
            with context.wrap_socket(plain, server_hostname=name) as secure:
                found = secure.getpeercert(binary_form=True)
    except (OSError, ValueError) as error:
        return failure_of(error if isinstance(error, OSError) else OSError(str(error)), "TLS handshake")
    return ssl.DER_cert_to_PEM_cert(found) if found else Failure("tls", "TLS handshake", "no certificate was shown")


def _parsed(seen: Seen) -> list[x509.Certificate]:
    chain = []
    for pem in seen.pem:
        certificate = parsed(pem)
        if certificate is None:
            return []  # a broken block makes the file useless to its server too
        chain.append(certificate)
    return chain


def _samples(
    certificate: x509.Certificate, chain: list[x509.Certificate], labels: dict[str, str], now: datetime
) -> list[Sample]:
    """`validity_left_pct`: what remains, as a share of the lifetime; lives of over 90 days count as 90 days.

    So one threshold fits certificates of 160 hours and of ten years: a quarter is left when a renewer that works at
    one third (certbot 4) has been late for a while, and 22 days are left of those that people renew by hand.
    """
    at = now.timestamp()
    ends, begins = certificate.not_valid_after_utc, certificate.not_valid_before_utc
    begun = max(one.not_valid_before_utc for one in chain)
    days = (ends - now).total_seconds() / _DAY_S
    cycle = min((ends - begins).total_seconds() / _DAY_S, _LONGEST_CYCLE_DAYS)
    share = days / cycle * 100 if cycle > 0 else -1.0
    return [
        Sample("days_left", round(days, 4), "", labels, at),
        Sample("validity_left_pct", round(min(share, 100.0), 3), "%", labels, at),
        Sample("begun", float((begun - now).total_seconds() < 300), "", labels, at),
    ]


def _no_certificate(seen: Seen) -> Message:
    if seen.failure is not None:
        return _TEXTS.get(seen.failure.kind) or say("{why}", why=seen.failure.text)
    return say("it cannot be parsed")


def _own_words(kind: str, stage: str) -> Failure:
    return Failure(kind, stage, str(_TEXTS[kind]))


def _line(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        shown = ", ".join(names.get_values_for_type(x509.DNSName)[:4])
    except (x509.ExtensionNotFound, *ODD):
        shown = f"serial {certificate.serial_number:x}"
    ends = certificate.not_valid_after_utc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{shown} ends {ends}, SHA-256 {certificate.fingerprint(hashes.SHA256()).hex()[:16]}"


def _all(samples: list[Sample], metric: str) -> bool | None:
    values = [sample.value for sample in samples if sample.metric == metric]
    return all(value == 1 for value in values) if values else None
