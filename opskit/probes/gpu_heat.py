"""How far a card is from the temperature that is its own limit, and who says what that limit is."""

from __future__ import annotations

from typing import NamedTuple

from opskit.model.message import Message, say
from opskit.probes.gpu_inventory import Card

_BELIEVABLE = (40, 130)
_HOT_C = 70


class Heat(NamedTuple):
    """`headroom_c` degrees to the limit, negative above it; `assumed` where the card tells no limit of its own."""

    headroom_c: float
    assumed: bool
    why: Message


def heat_of(card: Card, assumed_limit_c: float) -> Heat | None:
    """Judge a card by what it may work at, else by its margin, else by where it slows down, else by the assumed limit.

    None where it tells no temperature.
    """
    now = card.temperature_c
    if now is None:
        return None
    best = _to_limit(now, card.limits.get("gpu_max_c"), say("the highest temperature at which it may work"))
    if best is not None:
        return best
    # On H100/H200 the margin follows the hottest spot and is the better number. Zero and below are unreliable, unless
    # the card tells the offsets that the margin counts to, and is hot indeed.
    if card.margin_c is not None and (card.margin_c > 0 or (card.tlimit_slowdown_c is not None and now >= _HOT_C)):
        why = say("{now} C, and it reports {margin} C left until it slows down", now=now, margin=card.margin_c)
        return Heat(float(card.margin_c), False, why)
    second = _to_limit(now, card.limits.get("slowdown_c"), say("the temperature at which it slows down"))
    if second is not None:
        return second
    why = say("{now} C; it tells no limit of its own, so {limit} C decides", now=now, limit=f"{assumed_limit_c:g}")
    return Heat(assumed_limit_c - now, True, why)


def _to_limit(now: int, limit: int | None, which: Message) -> Heat | None:
    if limit is None or not _BELIEVABLE[0] <= limit <= _BELIEVABLE[1]:
        return None
    why = say("{now} C, and its own limit is {limit} C, {which}", now=now, limit=limit, which=which)
    return Heat(float(limit - now), False, why)


def limit_of(card: Card) -> float | None:
    """The temperature up to which the card may work, or at which it slows down, where it tells one."""
    found = heat_of(card, 0.0)
    return None if found is None or found.assumed else found.headroom_c + (card.temperature_c or 0)
