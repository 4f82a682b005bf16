"""What playbooks ask about certificates: the worst over all that was looked at. Comes after the findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from opskit.model.sample import Sample
from opskit.probes.certificate_findings import UNKNOWN_ISSUER
from opskit.probes.certificate_served import Shown

_ANOTHER_NAME = "Hostname mismatch"  # OpenSSL, X509_V_ERR_HOSTNAME_MISMATCH
_ANOTHER_ADDRESS = "IP address mismatch"
_FLAWS = frozenset({"key_matches", "key_beside_fits", "key_private", "strong", "reached"})
"""Metrics of the check whose 0 is worth a warning and for which no fact of its own stands here."""


class Facts(msgspec.Struct, frozen=True):
    """The worst over everything that was looked at; None where nothing tells.

    `left_pct`: what remains of the lifetime, as `validity_left_pct` counts it. `another_name`: a server shows a
    certificate that is for other names than the one it was asked by. `chain_short`: it sends its own certificate alone,
    whose issuer is not known here and can be fetched (authorityInfoAccess, RFC 5280 4.2.2.1): a private authority that
    signs by itself hardly ever publishes that. `reload_due`: it shows the former certificate while a newer one lies on
    disk. `renewal_failed`: a renewer's last run failed for one, or renewal is overdue. `flaws`: other findings that are
    worth a warning.
    """

    days_left: float | None = None
    left_pct: float | None = None
    trusted: bool | None = None
    unreadable: int | None = None
    another_name: bool | None = None
    chain_short: bool | None = None
    reload_due: bool | None = None
    renewal_failed: bool | None = None
    flaws: int | None = None


def facts_of(samples: Sequence[Sample], held: Sequence[Shown]) -> Facts:
    """Sum up the samples, and what verifying came to at each server."""
    live = [each for each in held if each.seen.live]
    return Facts(
        days_left=_least(samples, "days_left"),
        left_pct=_least(samples, "validity_left_pct"),
        trusted=_any(samples, "trusted", negated=True),
        unreadable=sum(not sample.value for sample in samples if sample.metric in {"readable", "answered"}),
        another_name=_worst(_another_name(each) for each in live),
        chain_short=_worst(_chain_short(each) for each in live),
        reload_due=_any(samples, "current"),
        renewal_failed=_failing(samples),
        flaws=sum(sample.value == 0 for sample in samples if sample.metric in _FLAWS),
    )


def _least(samples: Sequence[Sample], metric: str) -> float | None:
    return min((s.value for s in samples if s.metric == metric and s.value is not None), default=None)


def _any(samples: Sequence[Sample], metric: str, *, negated: bool = False) -> bool | None:
    """Whether any of these samples is 0; `negated`: whether none is."""
    values = [sample.value for sample in samples if sample.metric == metric]
    return (0 in values) is not negated if values else None


def _failing(samples: Sequence[Sample]) -> bool | None:
    """Late counts as in the check: beyond a day and 3 % of the lifetime."""
    failed = _any(samples, "renewed")
    late = {s.labels["certificate"]: s.value for s in samples if s.metric == "renewal_late_pct"}
    days = {s.labels["certificate"]: s.value for s in samples if s.metric == "renewal_late_days"}
    overdue = [(late[place] or 0) > 3 and (days.get(place) or 0) > 1 for place in late]
    return bool(failed) or any(overdue) if failed is not None or overdue else None


def _another_name(server: Shown) -> bool | None:
    """Names are looked at after the chain and before the dates (OpenSSL, verify_chain): an early error hides them."""
    if server.seen.unverified is None:
        return False
    text = server.seen.unverified.text
    if _ANOTHER_NAME in text:
        return True
    hidden = _ANOTHER_ADDRESS in text or any(words in text for words in UNKNOWN_ISSUER) or "self" in text
    return None if hidden else False


def _chain_short(server: Shown) -> bool | None:
    if server.seen.unverified is None or not any(words in server.seen.unverified.text for words in UNKNOWN_ISSUER):
        return False
    if not server.seen.sent or len(server.seen.pem) > 1:
        return None
    return True if server.leaf.tells_issuer else None


def _worst(answers: Iterable[bool | None]) -> bool | None:
    """True where any is; else None where any is not known, or none is there."""
    found = list(answers)
    if True in found:
        return True
    return None if None in found or not found else False
