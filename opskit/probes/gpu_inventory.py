"""What gpu_reader prints about the cards of a host, as typed values: the evidence that the gpu probe reads."""

from __future__ import annotations

import msgspec

METRIC_FIELDS = {
    "memory_used_pct": "memory",
    "memory_used_bytes": "memory",
    "temperature_c": "temperature_c",
    "headroom_c": "temperature_c",
    "thermal_throttle": "reasons",
    "utilization_pct": "utilization",
    "power_w": "power_mw",
}
"""The field of a card that each metric needs."""
_UNSUPPORTED = {3, 13}  # NVML_ERROR_NOT_SUPPORTED, NVML_ERROR_FUNCTION_NOT_FOUND
_GONE = {15, 16}  # NVML_ERROR_GPU_IS_LOST, NVML_ERROR_RESET_REQUIRED


class Wrong(msgspec.Struct, frozen=True):
    """An NVML error: its number and its words."""

    code: int
    text: str


class Memory(msgspec.Struct, frozen=True):
    """Bytes. Version 2 has `used` without what the driver reserves for itself."""

    version: int
    total: int
    used: int
    free: int
    reserved: int | None = None


class Card(msgspec.Struct, frozen=True):
    """One GPU as NVML tells it; what it does not tell is None and its reason stands in `errors`."""

    index: int
    error: Wrong | None = None
    uuid: str | None = None
    name: str | None = None
    memory: Memory | None = None
    temperature_c: int | None = None
    limits: dict[str, int | None] = {}
    margin_c: int | None = None
    reasons: int | None = None
    utilization_pct: int | None = None
    power_mw: int | None = None
    power_limit_mw: int | None = None
    errors: dict[str, Wrong] = {}

    @property
    def label(self) -> str:
        """The UUID, because indexes change between boots."""
        return self.uuid or f"index-{self.index}"

    @property
    def lost(self) -> Wrong | None:
        """The error of a card that is gone or must be reset, whichever call met it first."""
        return self.error or next((wrong for wrong in self.errors.values() if wrong.code in _GONE), None)

    def cannot(self, metric: str) -> bool:
        """True where the card or its driver does not have what the metric needs, as opposed to failing to tell it."""
        wrong = self.errors.get(METRIC_FIELDS[metric])
        return wrong is not None and wrong.code in _UNSUPPORTED

    @property
    def limit_c(self) -> float | None:
        """The temperature up to which the card may work, where it tells one."""
        limit = self.limits.get("gpu_max_c")
        return float(limit) if limit is not None and 40 <= limit <= 130 else None


class Inventory(msgspec.Struct, frozen=True):
    """The evidence: all cards, or why there are none."""

    gpus: list[Card] = []
    init_error: Wrong | None = None
    count_error: Wrong | None = None
    driver: str | None = None


def headroom(card: Card, assumed_limit_c: float) -> float | None:
    """Degrees to the card's own operating limit, else to the margin it reports, else to the assumed limit."""
    if card.temperature_c is None:
        return None
    if card.limit_c is not None:
        return card.limit_c - card.temperature_c
    # On H100/H200 the margin follows the hottest spot and is the better number; zero and below are unreliable there.
    if card.margin_c is not None and card.margin_c > 0:
        return float(card.margin_c)
    return assumed_limit_c - card.temperature_c
