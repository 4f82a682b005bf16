"""What is said of certificates one by one: dates, strength, key. Pure; the probe `certificate` gathers it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.certificate_evidence import Seen
from opskit.probes.x509 import Certificate

DAY_S = 86400.0
_LONGEST_CYCLE_DAYS = 90.0
SKEW_S = 300.0
_LEAST_BITS = {"RSA": 2048, "EC": 224}
_MOST_LINES = 8
_MOST_NAMES = 4
_LONGEST_NAMES = 200
UNKNOWN_ISSUER = ("unable to get local issuer certificate", "unable to verify the first certificate")
"""OpenSSL's words for a chain that lacks an intermediate certificate, or ends at a root that is not known here."""
_BROKEN = {"md5", "sha1"}


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


def tell_dates(findings: Findings, place: str, counted: list[Certificate], doubt: Message | None = None) -> None:
    """Days, share and beginning, of the certificates that count the one that comes off worst. `doubt`: of the clock.

    `validity_left_pct`: what remains, as a share of the lifetime; lives of over 90 days count as 90 days. So one
    threshold fits certificates of 160 hours and of ten years: a quarter is left when a renewer that works at one third
    (certbot 4) has been late for a while, and 22 days are left of those that people renew by hand. The least of all
    counts: an intermediate with five days of three years left is worse than the leaf of six days that ends before it.
    """
    first = min(counted, key=lambda certificate: certificate.not_after)
    days = _days_left(findings, first)
    findings.add("days_left", round(days, 4), place, _with(_ends(first), doubt if days <= 0 else None))
    least = min(counted, key=lambda certificate: _share_left(findings, certificate))
    findings.add("validity_left_pct", round(_share_left(findings, least), 3), place, _left(findings, least), "%")
    youngest = max(counted, key=lambda certificate: certificate.not_before)
    begun = youngest.not_before
    from_then = say("{names} begins {begins}", names=names_of(youngest), begins=_utc(begun))
    in_time = (begun - findings.now).total_seconds() < SKEW_S
    findings.add("begun", float(in_time), place, from_then if in_time else _with(from_then, doubt))


def _days_left(findings: Findings, certificate: Certificate) -> float:
    return certificate.left_s(findings.now) / DAY_S


def _share_left(findings: Findings, certificate: Certificate) -> float:
    life = certificate.lifetime_s / DAY_S
    cycle = min(life, _LONGEST_CYCLE_DAYS)
    return min(_days_left(findings, certificate) / cycle * 100, 100.0) if cycle > 0 else -1.0


def _ends(certificate: Certificate) -> Message:
    return say("{names} ends {ends}", names=names_of(certificate), ends=_utc(certificate.not_after))


def _left(findings: Findings, certificate: Certificate) -> Message:
    days = _days_left(findings, certificate)
    if days <= 0:
        return _ends(certificate)
    return say("{names} ends {ends}, {days} days are left", names=names_of(certificate),
               ends=_utc(certificate.not_after), days=round(days, 1))  # fmt: skip


def _with(text: Message, more: Message | None) -> Message:
    return text if more is None else say("{text}; {more}", text=text, more=more)


def tell_trust(findings: Findings, seen: Seen, chain: list[Certificate]) -> None:
    """Whether chain and name hold. Where an issuer is unknown, how far the chain reaches that the server sends."""
    if seen.unverified is None:
        findings.add("trusted", 1.0, seen.place)
        return
    why = say("{why}", why=seen.unverified.text)
    if seen.sent and any(words in seen.unverified.text for words in UNKNOWN_ISSUER):
        issuer = (chain[-1].issuer or "?")[:_LONGEST_NAMES]
        why = say("{why}; certificates sent: {count}, the last one issued by {issuer}",
                  why=seen.unverified.text, count=len(chain), issuer=issuer)  # fmt: skip
    findings.add("trusted", 0.0, seen.place, why)


def tell_each(findings: Findings, place: str, chain: list[Certificate]) -> None:
    """A line of evidence for each certificate, the one that ends first in front."""
    for certificate in sorted(chain, key=lambda each: each.not_after)[:_MOST_LINES]:
        findings.evidence.append(Evidence(place, line_of(certificate), field="notAfter", at=findings.at))


def tell_strength(findings: Findings, place: str, counted: list[Certificate]) -> None:
    """Short keys anywhere; MD5 and SHA-1 under certificates that somebody else has signed (a root's is not checked)."""
    judged = [_weakness(certificate) for certificate in counted]
    weak = [text for text in judged if text]
    if weak or None not in judged:
        findings.add("strong", float(not weak), place, weak[0] if weak else None)
    else:
        findings.notes.append(
            say("{place}: a key of a kind that is not known, its strength was not judged", place=place)
        )


def names_of(certificate: Certificate) -> str:
    """Up to four names: of the alternative ones, as new profiles of Let's Encrypt have no Common Name."""
    shown = (certificate.names or certificate.addresses or ())[:_MOST_NAMES]
    return (", ".join(shown) or certificate.common_name or f"serial {certificate.serial}")[:_LONGEST_NAMES]


def line_of(certificate: Certificate) -> str:
    """One certificate in a line."""
    return f"{names_of(certificate)} ends {_utc(certificate.not_after)}, SHA-256 {certificate.sha256[:16]}"


def _weakness(certificate: Certificate) -> Message | Literal[False] | None:
    """What is weak about it, False where nothing is, None where that cannot be told."""
    names, key, own = names_of(certificate), certificate.key, certificate.issued_by(certificate)
    if key is None or certificate.signed_with is None or own is None:
        return None
    if key.kind == "DSA":
        return say("{names}: a DSA key", names=names)
    least = _LEAST_BITS.get(key.kind)
    if least is not None and key.bits is not None and key.bits < least:
        return say("{names}: a key of {bits} bits", names=names, bits=key.bits)
    if certificate.signed_with in _BROKEN and not own:
        return say("{names}: signed with {algorithm}", names=names, algorithm=certificate.signed_with.upper())
    return False


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
