"""Whether certbot is late with a certificate, by its own rule, and what its files say of the reason. Pure."""

from __future__ import annotations

import re
from datetime import datetime

from opskit.model.message import Message, say
from opskit.probes.certificate_evidence import Lineage, Renewal, Seen
from opskit.probes.certificate_findings import DAY_S, Findings
from opskit.probes.x509 import Certificate

_OLD_RULE_DAYS = 30.0
_SHORT_DAYS = 10.0
_SHARES_SINCE = 4
MOST_HIDDEN = 4
_UNITS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.0, "year": 365.0}


def tell_renewal(findings: Findings, held: list[tuple[Seen, Certificate]], renewal: Renewal) -> None:
    """Judge each file that certbot renews, then certbot itself."""
    lineages = {lineage.conf: lineage for lineage in renewal.lineages}
    automatic = False
    for seen, leaf in held:
        lineage = lineages.get(seen.lineage or "")
        if lineage is None:
            continue
        if lineage.failure is not None:
            findings.notes.append(say("{path} cannot be read: {why}", path=lineage.conf, why=lineage.failure.text))
        elif not lineage.automatic:
            findings.notes.append(say("certbot does not renew {name}: autorenew is off", name=lineage.name))
        else:
            automatic = True
            _tell_late(findings, seen.place, leaf, lineage, renewal)
            _tell_failed(findings, seen.place, leaf, lineage, renewal)
    if automatic:
        _tell_runs(findings, renewal)


def _tell_late(findings: Findings, place: str, leaf: Certificate, lineage: Lineage, renewal: Renewal) -> None:
    life = leaf.lifetime_s / DAY_S
    left = leaf.left_s(findings.now) / DAY_S
    if life <= 0:
        return
    point = renewal_point_days(lineage, life)
    since = say(
        "certbot renews {name} {point} days before its end, {left} are left", name=lineage.name,
        point=round(point, 1), left=round(left, 1),
    )  # fmt: skip
    if not renewal.schedules:
        since = say("{text}; {more}", text=since, more=no_starter("certbot", renewal.hidden))
    add_late(findings, place, point, life, left, since)


def add_late(findings: Findings, place: str, point: float, life: float, left: float, since: Message) -> None:
    """Add how late a renewal is that was due `point` days before the end; `life` and `left` in days.

    A point before the beginning (30 days, of a life of six) means at every run. The runs are then the only measure, and
    the usual share of the lifetime counts.
    """
    late = max(0.0, (point if point < life else share_days(life)) - left)
    findings.add("renewal_late_pct", round(late / life * 100, 3), place, since, "%")
    findings.add("renewal_late_days", round(late, 4), place)


def _tell_failed(findings: Findings, place: str, leaf: Certificate, lineage: Lineage, renewal: Renewal) -> None:
    """A failure from before the certificate was issued is overcome."""
    if renewal.ran is None or renewal.ran < leaf.not_before.timestamp():
        return
    why = renewal.failed.get(lineage.name)
    findings.add("renewed", float(why is None), place, None if why is None else say("{why}", why=why))


def _tell_runs(findings: Findings, renewal: Renewal) -> None:
    if not renewal.schedules:
        findings.notes.append(no_starter("certbot", renewal.hidden))
    if renewal.ran is not None and renewal.log is not None:
        days = max(0.0, (findings.at - renewal.ran) / DAY_S)
        findings.add("renewer_ran_days", round(days, 3), renewal.log, _since(renewal.ran, findings.now))
    else:
        findings.notes.append(say("when certbot ran last cannot be told: its log cannot be read or is not there"))


def _since(ran: float, now: datetime) -> Message | None:
    try:
        return say("last run {when}", when=datetime.fromtimestamp(ran, now.tzinfo).isoformat(timespec="minutes"))
    except (ValueError, OverflowError, OSError):  # evidence that was tampered with
        return None


def no_starter(renewer: str, hidden: list[str]) -> Message:
    """Nothing was found that starts it; and whether that means something."""
    if hidden:
        return say("nothing was found that starts {renewer}, but not everything may be read: {places}",
                   renewer=renewer, places=", ".join(hidden[:MOST_HIDDEN]))  # fmt: skip
    return say("nothing was found that starts {renewer}: no timer and no cron job", renewer=renewer)


def renewal_point_days(lineage: Lineage, lifetime: float) -> float:
    """How many days before the end certbot renews a certificate that lasts `lifetime` days.

    certbot 4.0: at a third of the lifetime, at half of it for ten days or less (docs/using.rst); before that 30 days.
    An older configuration may be read by a newer certbot: then the later of both moments is assumed.
    """
    given = _days(lineage.before)
    if given is not None:
        return given
    share = share_days(lifetime)
    major = re.match(r"([0-9]{1,4})\.", lineage.version)
    return share if major and int(major[1]) >= _SHARES_SINCE else min(_OLD_RULE_DAYS, share)


def share_days(lifetime: float) -> float:
    """A third of the lifetime, or half of one of ten days or less (certbot 4.0, lego)."""
    return lifetime / (2 if lifetime <= _SHORT_DAYS else 3)


def _days(interval: str) -> float | None:
    """`30 days`, `6 weeks`, and days where there is no unit (certbot `_internal/storage.py`, add_time_interval)."""
    found = re.fullmatch(r"([0-9]{1,5})(?:\s+(hour|day|week|month|year)s?)?", interval.strip().lower())
    return int(found[1]) * _UNITS[found[2] or "day"] if found else None
