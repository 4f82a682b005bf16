"""Whether acme.sh, lego, dehydrated or Caddy is late with a certificate, by its own rule. Pure.

acme.sh writes down when it renews next. dehydrated renews RENEW_DAYS before the end (30 or 32, by its version), lego
30 days before it or, newer ones, at a third of the lifetime (half for ten days or less); Caddy at a third. Where a rule
changed with a version, the later of the moments is assumed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from opskit.model.message import Message, say
from opskit.probes.certificate_evidence import Keeper, Keepers, Renewal, Seen
from opskit.probes.certificate_findings import DAY_S, Findings
from opskit.probes.renewal_told import MOST_HIDDEN, add_late, no_starter, share_days
from opskit.probes.x509 import Certificate

_USUAL_DAYS = 30.0
_SOON = 1 / 3
_CYCLE_DAYS = 90.0

Held = list[tuple[Seen, Certificate]]


def tell_renewers(findings: Findings, held: Held, keepers: Keepers, renewal: Renewal | None) -> None:
    """Judge each file that one of them renews, and name those that nobody seems to renew while it matters.

    `renewal` is of the files that certbot renews: a copy of one of those has its renewer too.
    """
    certbots = {lineage.conf for lineage in renewal.lineages} if renewal else set[str]()
    by_place = {keeper.place: keeper for keeper in keepers.kept}
    copies = {leaf for seen, leaf in held if seen.lineage in certbots or seen.place in by_place}
    for seen, leaf in held:
        keeper = by_place.get(seen.place)
        if keeper is not None:
            _tell_kept(findings, leaf, keeper, keepers)
        elif leaf not in copies and _is_soon(findings, leaf):
            findings.notes.append(_by_hand(seen.place, keepers))


def _tell_kept(findings: Findings, leaf: Certificate, keeper: Keeper, keepers: Keepers) -> None:
    if keeper.failure is not None:
        findings.notes.append(say("{path} cannot be read: {why}", path=keeper.conf, why=keeper.failure.text))
        return
    life = leaf.lifetime_s / DAY_S
    left = leaf.left_s(findings.now) / DAY_S
    point = _planned(findings, leaf, keeper) if keeper.renewer == "acme.sh" else _point(keeper, life)
    if point is None or life <= 0:
        return
    since = say("{renewer} renews it {point} days before its end, {left} are left",
                renewer=keeper.renewer, point=round(point, 1), left=round(left, 1))  # fmt: skip
    if keeper.renewer in keepers.starters and not keepers.starters[keeper.renewer]:
        nobody = no_starter(keeper.renewer, keepers.hidden)
        since = say("{text}; {more}", text=since, more=nobody)
        findings.notes.append(nobody)
    add_late(findings, keeper.place, point, life, left, since)


def _planned(findings: Findings, leaf: Certificate, keeper: Keeper) -> float | None:
    """Days before the end at which acme.sh renews; None where its record is not of this certificate."""
    due, begun, ends = keeper.due, leaf.not_before.timestamp(), leaf.not_after.timestamp()
    if due is None or due < begun:
        findings.notes.append(say("when acme.sh renews {path} cannot be told: {conf} does not fit the certificate",
                                  path=keeper.place, conf=keeper.conf))  # fmt: skip
        return None
    if due > ends:
        when = datetime.fromtimestamp(min(due, 253402300799.0), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        findings.notes.append(say("acme.sh renews {path} only at {when}, after its end: lower Le_RenewalDays",
                                  path=keeper.place, when=when))  # fmt: skip
        return None
    return (ends - due) / DAY_S


def _point(keeper: Keeper, life: float) -> float:
    if keeper.before is not None:
        return keeper.before
    if keeper.renewer == "Caddy":
        return life / 3
    return _USUAL_DAYS if keeper.renewer == "dehydrated" else min(_USUAL_DAYS, share_days(life))


def _is_soon(findings: Findings, leaf: Certificate) -> bool:
    """Whether its last third has begun. Before that nobody need be told that it is renewed by hand."""
    life = leaf.lifetime_s / DAY_S
    left = leaf.left_s(findings.now) / DAY_S
    return left < min(life, _CYCLE_DAYS) * _SOON


def _by_hand(place: str, keepers: Keepers) -> Message:
    if keepers.hidden:
        return say("no renewer was found for {path}, but not everything may be read: {places}",
                   path=place, places=", ".join(keepers.hidden[:MOST_HIDDEN]))  # fmt: skip
    return say("no renewer was found for {path}: as far as can be seen, it is renewed by hand", path=place)
