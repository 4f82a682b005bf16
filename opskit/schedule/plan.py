"""Groups checks into scheduler jobs: those that look at the same thing as often run together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import msgspec

from opskit.model.check import Check

DEFAULTS = {"misfire_grace_time": 3600, "coalesce": True, "max_instances": 1}
"""For every job: made up once if late by up to an hour (the default of 1 s drops it), never two at a time."""

_SPREAD_S = 20.0


class Plan(msgspec.Struct, frozen=True):
    """Checks that run together every `every` seconds, for the first time `delay` seconds after the start."""

    checks: tuple[Check, ...]
    every: float
    delay: float

    @property
    def ids(self) -> list[str]:
        """The checks' ids, in order."""
        return [check.id for check in self.checks]


def plans(checks: Iterable[Check], sight: Callable[[Check], str]) -> list[Plan]:
    """Return the plans; the delay spreads them over the first seconds, always the same way for the same checks.

    `sight` names what a check looks at.
    """
    groups: dict[tuple[str, float], list[Check]] = {}
    for check in sorted(checks, key=lambda check: check.id):
        groups.setdefault((sight(check), check.every), []).append(check)
    return [Plan(tuple(group), every, min(_offset(group[0].id), every)) for (_, every), group in groups.items()]


def _offset(name: str) -> float:
    digest = hashlib.sha256(name.encode()).digest()
    return digest[0] / 255 * _SPREAD_S
