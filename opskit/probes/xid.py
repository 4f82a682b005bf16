"""The table of NVIDIA's error numbers (xid.yaml), and the judgement of those that were seen."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from opskit.model.text import Text
from opskit.model.typed import prepared

Tier = Literal["critical", "warning", "application", "information"]
OFF_THE_BUS = 79
CAPTION = Text(
    "an error that is not in the table: look it up in NVIDIA's Xid catalogue",
    "表中没有的错误号：请查 NVIDIA 的 Xid 目录",
)
_TABLE = Path(__file__).with_name("xid.yaml")
_EPISODE_S, _ONE_AT_MOST_S = 5.0, 60.0
_AGAIN = 3


class Meaning(msgspec.Struct, frozen=True):
    """What a number stands for; the file says what the tiers mean."""

    tier: Tier
    means: Text


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    tier: Tier
    means: dict[Literal["en", "zh"], str]


class Sighting(msgspec.Struct, frozen=True):
    """An Xid that was reported: by the kernel's log or by NVML, at a time (epoch seconds), about a PCI address."""

    xid: int
    at: float
    device: str | None
    text: str
    source: str
    line: int | None = None


@functools.cache
def table() -> dict[int, Meaning]:
    """Return the table as it is shipped."""
    import yaml  # most cards have nothing to look up

    rows = msgspec.convert(yaml.safe_load(_TABLE.read_text("utf-8")), prepared(dict[int, _Row]))
    return {code: Meaning(row.tier, Text(row.means["en"], row.means["zh"])) for code, row in rows.items()}


def meaning(xid: int) -> Meaning:
    """Return what a number stands for; one that is not in the table is a warning."""
    return table().get(xid) or Meaning("warning", CAPTION)


def episodes(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Tell the same thing once: lines and events of one number about one card that lie within seconds of each other.

    The kernel writes several lines for some numbers, and NVML reports what the kernel has logged as well. What does not
    end within a minute happens again and again.
    """
    kept: list[Sighting] = []
    last: dict[tuple[int, str | None], float] = {}
    began: dict[tuple[int, str | None], float] = {}
    for sighting in sorted(sightings, key=lambda one: one.at):
        key = (sighting.xid, sighting.device)
        pause, since = sighting.at - last.get(key, float("-inf")), sighting.at - began.get(key, float("-inf"))
        if pause > _EPISODE_S or since > _ONE_AT_MOST_S:
            kept.append(sighting)
            began[key] = sighting.at
        last[key] = sighting.at
    return kept


def level(found: Sequence[Sighting]) -> int:
    """Return 2 for what is critical among the episodes of one card, 1 for a warning, 0 for what is only said."""
    worst = 0
    for number, times in Counter(sighting.xid for sighting in found).items():
        again = int(times >= _AGAIN)
        worst = max(worst, {"critical": 2, "warning": 1, "application": again, "information": 0}[meaning(number).tier])
    return worst
