"""A check as its YAML file says it: what to measure, how to judge it, when, and the words around it."""

from __future__ import annotations

from typing import Any

import msgspec

from opskit.model.problem import Lines
from opskit.model.text import Text

SELF_JUDGED = frozenset({"plugin"})
"""Probes whose subject brings a state of its own: their checks need no rules."""


class Confirm(msgspec.Struct, frozen=True):
    """A second condition: the rule counts only where this metric is outside `range` too (number, not only share)."""

    metric: str
    range: str


class Deviation(msgspec.Struct, frozen=True):
    """Judge the distance in percent from the moving average over `over` seconds, once `at_least` values are known.

    `sustained`: it counts only while the series as a whole is slower than usual, which `judge.baseline` decides, and by
    `floor` at least, in the unit of the metric.
    """

    over: float
    at_least: int
    sustained: bool = False
    floor: float = 0.0


class Rule(msgspec.Struct, frozen=True):
    """One metric held against Nagios ranges.

    `per` names the label that tells the series apart (gpu, certificate); `optional` marks metrics that some hardware
    does not have at all (one that is there without a value is UNKNOWN all the same); `say` replaces the standard
    wording of a violation. What was bad is well again only inside of `clear`.
    """

    metric: str
    warn: str | None = None
    crit: str | None = None
    per: str | None = None
    optional: bool = False
    confirm: Confirm | None = None
    deviation: Deviation | None = None
    say: Text | None = None
    clear: str | None = None


class States(msgspec.Struct, frozen=True):
    """What each state of a check means, for `explain` and the reader of its page."""

    ok: Text
    warning: Text | None = None
    critical: Text | None = None
    unknown: Text | None = None


class Sustain(msgspec.Struct, frozen=True):
    """`k of n`: so many of the newest n results must be bad before the state is confirmed, and good before it ends."""

    k: int
    n: int


class Check(msgspec.Struct, frozen=True):
    """A definition from `checks/`. `every` and `timeout` are in seconds; `args` are the probe's own arguments.

    `also` are further probes, asked with their default arguments: the rules may judge their metrics too. `depends_on`
    are the checks of what this one's subject stands on: where one of those is bad, this one may be only affected.
    `states` say what each state means, `todo` what to do about a bad one. `lines` are where it stands in its file,
    `source`: a mistake that shows only later is named with its line too.
    """

    id: str
    summary: Text
    why: Text
    probe: str
    rules: tuple[Rule, ...]
    every: float
    timeout: float
    args: dict[str, Any] = {}
    sustain: Sustain = Sustain(1, 1)
    playbook: str | None = None
    also: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    states: States | None = None
    todo: Text | None = None
    source: str = ""
    lines: Lines = Lines()

    def where(self, *place: str | int) -> tuple[str, int]:
        """Return the file and the line of a place."""
        return self.source, self.lines.of(*place)
