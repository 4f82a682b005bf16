"""What cryptography makes of a certificate. Loading it takes longer than a check of files: ask `x509_known` first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from opskit.probes.private_key import digest_of
from opskit.probes.x509 import Certificate, PublicKey

T = TypeVar("T")
_ODD = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""What cryptography raises for certificates that break the rules, some of it only when a part is looked at.

UnsupportedAlgorithm comes of whole ones too: of a curve that it does not know, such as that of SM2.
"""
_KINDS = {rsa.RSAPublicKey: "RSA", ec.EllipticCurvePublicKey: "EC", dsa.DSAPublicKey: "DSA"}


def understood(pem: str) -> Certificate | None:
    """Return the certificate; None where there is none, or none whose dates can be read."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode("utf-8", "replace"))
        not_before, not_after = found.not_valid_before_utc, found.not_valid_after_utc
    except _ODD:
        return None
    names = _or_none(lambda: _alternative(found))
    return Certificate(
        not_before=not_before,
        not_after=not_after,
        serial=f"{found.serial_number:x}",
        sha256=found.fingerprint(hashes.SHA256()).hex(),
        subject=_or_none(lambda: _written(found.subject)),
        issuer=_or_none(lambda: _written(found.issuer)),
        common_name=_or_none(lambda: _first(found.subject, NameOID.COMMON_NAME)),
        organization=_or_none(lambda: _first(found.issuer, NameOID.ORGANIZATION_NAME)),
        names=names[0] if names else None,
        addresses=names[1] if names else None,
        key=_or_none(lambda: _key(found.public_key())),
        signed_with=_or_none(lambda: found.signature_hash_algorithm.name if found.signature_hash_algorithm else ""),
        tells_issuer=_or_none(lambda: _tells_issuer(found)),
    )


def _or_none(part: Callable[[], T]) -> T | None:
    try:
        return part()
    except _ODD:
        return None


def _written(name: x509.Name) -> str:
    return name.rfc4514_string()


def _key(public: Any) -> PublicKey:
    kind = next((name for known, name in _KINDS.items() if isinstance(public, known)), type(public).__name__)
    return PublicKey(kind, getattr(public, "key_size", None), digest_of(public))


def _first(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    held = name.get_attributes_for_oid(kind)
    return str(held[0].value) if held else ""


def _alternative(certificate: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The DNS names and the addresses that it is for, as it lists them."""
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return (), ()
    addresses = tuple(str(each) for each in held.get_values_for_type(x509.IPAddress))
    return tuple(held.get_values_for_type(x509.DNSName)), addresses


def _tells_issuer(certificate: x509.Certificate) -> bool:
    try:
        told = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return False
    return any(each.access_method == AuthorityInformationAccessOID.CA_ISSUERS for each in told)
