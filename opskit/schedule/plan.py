"""Groups checks into scheduler jobs: those that ask the same probe with the same arguments as often run together."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

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


def plans(checks: Iterable[Check]) -> list[Plan]:
    """Return the plans; the delay spreads them over the first seconds, always the same way for the same checks."""
    groups: dict[tuple[tuple[str, ...], str, float], list[Check]] = {}
    for check in sorted(checks, key=lambda check: check.id):
        groups.setdefault(((check.probe, *check.also), repr(sorted(check.args.items())), check.every), []).append(check)
    return [Plan(tuple(group), key[2], min(_offset(group[0].id), key[2])) for key, group in groups.items()]


def _offset(name: str) -> float:
    digest = hashlib.sha256(name.encode()).digest()
    return digest[0] / 255 * _SPREAD_S
