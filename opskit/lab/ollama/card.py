"""The graphics card as its state files tell it: what it has, what others took, whether it is there and too hot."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from opskit.lab.ollama.settings import Gpu

DRIVER_BYTES = 120_000_000  # what a context of CUDA takes before any model
_THERMAL = 0x08 | 0x20 | 0x40  # clocks event reasons: HW slowdown, SW thermal, HW thermal (nvml.h)


class Card(msgspec.Struct, frozen=True):
    """One card, sizes in bytes. A card that is not `present` has none of the rest."""

    present: bool
    name: str = "NVIDIA A10"
    total: int = 0
    reserved: int = 0
    foreign: int = 0  # used by processes that are not ours
    foreign_processes: str = ""  # pid:bytes,...
    throttled: bool = False

    def free(self, ours: int) -> int:
        """What a further model may take where ours already take so much."""
        return max(0, self.total - self.reserved - self.foreign - DRIVER_BYTES - ours)


def look(gpu: Gpu) -> Card:
    """Read the card's state."""
    values = _values(gpu.state_files)
    prefix = f"gpu{gpu.card}."
    total = _number(values.get(f"{prefix}mem_total"))
    failing = any(values.get(key, "").startswith("!") for key in ("init", "count", f"{prefix}all", f"{prefix}handle"))
    if failing or not total or _number(values.get("gpus", "0")) <= gpu.card:
        return Card(present=False)
    foreign = values.get(f"{prefix}foreign_procs", "")
    return Card(
        present=True,
        name=values.get(f"{prefix}name", Card.name),
        total=total,
        reserved=_number(values.get(f"{prefix}mem_reserved")),
        foreign=_number(values.get(f"{prefix}foreign_used")),
        foreign_processes="" if foreign in {"none", "-"} else foreign,
        throttled=bool(_number(values.get(f"{prefix}reasons")) & _THERMAL),
    )


def _values(paths: Iterable[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for path in paths:
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except OSError:  # a file of the lab that is not there yet says nothing
            continue
        values |= {key: value.strip() for key, _, value in (line.partition(" ") for line in lines) if key}
    return values


def _number(text: str | None) -> int:
    try:
        return int(text or "0", 0)
    except ValueError:  # "!15" and the like: the call fails, so there is no value
        return 0
