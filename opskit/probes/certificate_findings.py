"""What is said of certificates one by one: dates, strength, key. Pure; the probe `certificate` gathers it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.certificate_evidence import Seen
from opskit.probes.pem import ODD

DAY_S = 86400.0
_LONGEST_CYCLE_DAYS = 90.0
SKEW_S = 300.0
_LEAST_RSA_BITS = 2048
_LEAST_EC_BITS = 224
_MOST_LINES = 8
_MOST_NAMES = 4
_LONGEST_NAMES = 200
UNKNOWN_ISSUER = ("unable to get local issuer certificate", "unable to verify the first certificate")
"""OpenSSL's words for a chain that lacks an intermediate certificate, or ends at a root that is not known here."""
_BROKEN = (hashes.MD5, hashes.SHA1)


class Findings:
    """The reading as it grows. `why` of a series stands beside what its rule says, good or bad."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.at = now.timestamp()
        self.samples = list[Sample]()
        self.evidence = list[Evidence]()
        self.why = dict[str, Message]()
        self.notes = list[Message]()

    def add(self, metric: str, value: float | None, place: str, why: Message | None = None, unit: str = "") -> None:
        """Add a sample of the certificate at `place`."""
        self.samples.append(Sample(metric, value, unit, {"certificate": place}, self.at))
        if why is not None:
            self.why[f"{metric} {place}"] = why


def tell_dates(findings: Findings, place: str, counted: list[x509.Certificate], doubt: Message | None = None) -> None:
    """Days, share and beginning, of the certificates that count the one that comes off worst. `doubt`: of the clock.

    `validity_left_pct`: what remains, as a share of the lifetime; lives of over 90 days count as 90 days. So one
    threshold fits certificates of 160 hours and of ten years: a quarter is left when a renewer that works at one third
    (certbot 4) has been late for a while, and 22 days are left of those that people renew by hand. The least of all
    counts: an intermediate with five days of three years left is worse than the leaf of six days that ends before it.
    """
    first = min(counted, key=lambda certificate: certificate.not_valid_after_utc)
    days = _days_left(findings, first)
    findings.add("days_left", round(days, 4), place, _with(_ends(first), doubt if days <= 0 else None))
    least = min(counted, key=lambda certificate: _share_left(findings, certificate))
    findings.add("validity_left_pct", round(_share_left(findings, least), 3), place, _left(findings, least), "%")
    youngest = max(counted, key=lambda certificate: certificate.not_valid_before_utc)
    begun = youngest.not_valid_before_utc
    from_then = say("{names} begins {begins}", names=names_of(youngest), begins=_utc(begun))
    in_time = (begun - findings.now).total_seconds() < SKEW_S
    findings.add("begun", float(in_time), place, from_then if in_time else _with(from_then, doubt))


def _days_left(findings: Findings, certificate: x509.Certificate) -> float:
    return (certificate.not_valid_after_utc - findings.now).total_seconds() / DAY_S


def _share_left(findings: Findings, certificate: x509.Certificate) -> float:
    life = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() / DAY_S
    cycle = min(life, _LONGEST_CYCLE_DAYS)
    return min(_days_left(findings, certificate) / cycle * 100, 100.0) if cycle > 0 else -1.0


def _ends(certificate: x509.Certificate) -> Message:
    return say("{names} ends {ends}", names=names_of(certificate), ends=_utc(certificate.not_valid_after_utc))


def _left(findings: Findings, certificate: x509.Certificate) -> Message:
    days = _days_left(findings, certificate)
    if days <= 0:
        return _ends(certificate)
    return say("{names} ends {ends}, {days} days are left", names=names_of(certificate),
               ends=_utc(certificate.not_valid_after_utc), days=round(days, 1))  # fmt: skip


def _with(text: Message, more: Message | None) -> Message:
    return text if more is None else say("{text}; {more}", text=text, more=more)


def tell_trust(findings: Findings, seen: Seen, chain: list[x509.Certificate]) -> None:
    """Whether chain and name hold. Where an issuer is unknown, how far the chain reaches that the server sends."""
    if seen.unverified is None:
        findings.add("trusted", 1.0, seen.place)
        return
    why = say("{why}", why=seen.unverified.text)
    if seen.sent and any(words in seen.unverified.text for words in UNKNOWN_ISSUER):
        issuer = chain[-1].issuer.rfc4514_string()[:_LONGEST_NAMES]
        why = say("{why}; certificates sent: {count}, the last one issued by {issuer}",
                  why=seen.unverified.text, count=len(chain), issuer=issuer)  # fmt: skip
    findings.add("trusted", 0.0, seen.place, why)


def tell_each(findings: Findings, place: str, chain: list[x509.Certificate]) -> None:
    """A line of evidence for each certificate, the one that ends first in front."""
    for certificate in sorted(chain, key=lambda each: each.not_valid_after_utc)[:_MOST_LINES]:
        findings.evidence.append(Evidence(place, line_of(certificate), field="notAfter", at=findings.at))


def tell_strength(findings: Findings, place: str, counted: list[x509.Certificate]) -> None:
    """Short keys anywhere; MD5 and SHA-1 under certificates that somebody else has signed (a root's is not checked)."""
    judged = [_weakness(certificate) for certificate in counted]
    weak = [text for text in judged if text]
    if weak or None not in judged:
        findings.add("strong", float(not weak), place, weak[0] if weak else None)
    else:
        findings.notes.append(
            say("{place}: a key of a kind that is not known, its strength was not judged", place=place)
        )


def names_of(certificate: x509.Certificate) -> str:
    """Up to four names: of the alternative ones, as new profiles of Let's Encrypt have no Common Name."""
    names, addresses = alternative_names(certificate)
    shown = (names or addresses)[:_MOST_NAMES]
    return (", ".join(shown) or _common_name(certificate) or f"serial {certificate.serial_number:x}")[:_LONGEST_NAMES]


def alternative_names(certificate: x509.Certificate) -> tuple[list[str], list[str]]:
    """The DNS names and the addresses that the certificate is for, as it lists them."""
    try:
        held = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return held.get_values_for_type(x509.DNSName), [str(each) for each in held.get_values_for_type(x509.IPAddress)]
    except (x509.ExtensionNotFound, *ODD):
        return [], []


def line_of(certificate: x509.Certificate) -> str:
    """One certificate in a line."""
    digest = certificate.fingerprint(hashes.SHA256()).hex()[:16]
    return f"{names_of(certificate)} ends {_utc(certificate.not_valid_after_utc)}, SHA-256 {digest}"


def _common_name(certificate: x509.Certificate) -> str:
    try:
        found = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(found[0].value) if found else ""
    except ODD:
        return ""


def _weakness(certificate: x509.Certificate) -> Message | Literal[False] | None:
    """What is weak about it, False where nothing is, None where that cannot be told."""
    names = names_of(certificate)
    try:
        key = certificate.public_key()
        signed = certificate.signature_hash_algorithm
        own = certificate.issuer == certificate.subject
    except ODD:
        return None
    if isinstance(key, dsa.DSAPublicKey):
        return say("{names}: a DSA key", names=names)
    least = _LEAST_RSA_BITS if isinstance(key, rsa.RSAPublicKey) else _LEAST_EC_BITS
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey) and key.key_size < least:
        return say("{names}: a key of {bits} bits", names=names, bits=key.key_size)
    if isinstance(signed, _BROKEN) and not own:
        return say("{names}: signed with {algorithm}", names=names, algorithm=signed.name.upper())
    return False


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
