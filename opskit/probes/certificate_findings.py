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
from opskit.probes.certificate_key import public_of
from opskit.probes.pem import ODD

DAY_S = 86400.0
_LONGEST_CYCLE_DAYS = 90.0
_SKEW_S = 300.0
_LEAST_RSA_BITS = 2048
_LEAST_EC_BITS = 224
_MOST_LINES = 8
_MOST_NAMES = 4
_LONGEST_NAMES = 200
_UNKNOWN_ISSUER = ("unable to get local issuer certificate", "unable to verify the first certificate")
"""OpenSSL's words for a chain that lacks an intermediate certificate, or ends at a root that is not known here."""
_CLOSED = {"encrypted": say("it is encrypted"), "key": say("it cannot be parsed")}
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


def tell_dates(findings: Findings, place: str, counted: list[x509.Certificate]) -> None:
    """Days, share and beginning, of the certificates that count the one that ends first.

    `validity_left_pct`: what remains, as a share of the lifetime; lives of over 90 days count as 90 days. So one
    threshold fits certificates of 160 hours and of ten years: a quarter is left when a renewer that works at one third
    (certbot 4) has been late for a while, and 22 days are left of those that people renew by hand.
    """
    first = min(counted, key=lambda certificate: certificate.not_valid_after_utc)
    ends, begins = first.not_valid_after_utc, first.not_valid_before_utc
    days = (ends - findings.now).total_seconds() / DAY_S
    cycle = min((ends - begins).total_seconds() / DAY_S, _LONGEST_CYCLE_DAYS)
    share = days / cycle * 100 if cycle > 0 else -1.0
    until = say("{names} ends {ends}", names=names_of(first), ends=_utc(ends))
    findings.add("days_left", round(days, 4), place, until)
    left = say("{names} ends {ends}, {days} days are left", names=names_of(first), ends=_utc(ends), days=round(days, 1))
    left = left if days > 0 else until
    findings.add("validity_left_pct", round(min(share, 100.0), 3), place, left, "%")
    youngest = max(counted, key=lambda certificate: certificate.not_valid_before_utc)
    begun = youngest.not_valid_before_utc
    from_then = say("{names} begins {begins}", names=names_of(youngest), begins=_utc(begun))
    findings.add("begun", float((begun - findings.now).total_seconds() < _SKEW_S), place, from_then)


def tell_trust(findings: Findings, seen: Seen, chain: list[x509.Certificate]) -> None:
    """Whether chain and name hold. Where an issuer is unknown, how far the chain reaches that the server sends."""
    if seen.unverified is None:
        findings.add("trusted", 1.0, seen.place)
        return
    why = say("{why}", why=seen.unverified.text)
    if seen.sent and any(words in seen.unverified.text for words in _UNKNOWN_ISSUER):
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


def tell_key(findings: Findings, seen: Seen, chain: list[x509.Certificate]) -> None:
    """Whether the key beside a file is its own, and whether everybody may read it; where that cannot be told, a note.

    opskit need not be able to read keys, and for good reason: so not knowing is no alarm.
    """
    key = seen.key
    if key is None:
        return
    if key.public is not None:
        owners = {public_of(certificate) for certificate in chain}
        if key.public not in owners and None in owners:
            text = say("the certificate's is of a kind that is not known")
            findings.notes.append(say("the key {path} was not compared: {why}", path=key.place, why=text))
        else:
            findings.add("key_matches", float(key.public in owners), seen.place, say("{why}", why=key.place))
    elif key.failure is not None:
        closed = _CLOSED.get(key.failure.kind) or say("{why}", why=key.failure.text)
        findings.notes.append(say("the key {path} was not compared: {why}", path=key.place, why=closed))
    if key.open_to_all is not None:
        findings.add("key_private", float(not key.open_to_all), seen.place, say("{why}", why=key.place))


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
