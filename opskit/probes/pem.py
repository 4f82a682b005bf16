"""A certificate out of its PEM text, or nothing: files, servers and bundles hold what they like."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

ODD = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""What cryptography raises for certificates that break the rules, some of it only when a part is looked at.

UnsupportedAlgorithm comes of whole ones too: of a curve that it does not know, such as that of SM2.
"""


def parsed(pem: str) -> x509.Certificate | None:
    """Return the certificate, whose dates can be read; None where there is none."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode("utf-8", "replace"))
        found.not_valid_before_utc, found.not_valid_after_utc  # noqa: B018  # they are parsed when first looked at
    except ODD:
        return None
    return found
