"""What gpu_reader prints about the cards of a host, as typed values: the evidence that the gpu probe reads."""

from __future__ import annotations

import msgspec

from opskit.model.message import Message, say
from opskit.probes.base import Whole

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
_FORBIDDEN = 4  # NVML_ERROR_NO_PERMISSION: the card is there, and not ours to look at
# nvml.h, nvmlClocksEventReason*. A GeForce that regulates to its target may show the software bit in normal use; the
# hardware bit halves the clocks or worse.
_SOFTWARE_THERMAL, _HARDWARE_THERMAL = 0x20, 0x40


class Wrong(msgspec.Struct, frozen=True):
    """An NVML error: its number and its words."""

    code: Whole
    text: str


class Memory(msgspec.Struct, frozen=True):
    """Bytes. Version 2 has `used` without what the driver reserves for itself."""

    version: Whole
    total: Whole
    used: Whole
    reserved: Whole | None = None


class Card(msgspec.Struct, frozen=True):
    """One GPU as NVML tells it; what it does not tell is None and its reason stands in `errors`."""

    index: Whole
    error: Wrong | None = None
    uuid: str | None = None
    name: str | None = None
    memory: Memory | None = None
    temperature_c: Whole | None = None
    limits: dict[str, Whole | None] = {}
    margin_c: Whole | None = None
    reasons: Whole | None = None
    utilization_pct: Whole | None = None
    power_mw: Whole | None = None
    power_limit_mw: Whole | None = None
    errors: dict[str, Wrong] = {}

    @property
    def label(self) -> str:
        """The UUID, because indexes change between boots."""
        return self.uuid or f"index-{self.index}"

    @property
    def lost(self) -> Wrong | None:
        """The error of a card that is gone or must be reset, whichever call met it first."""
        if self.error is not None:
            return None if self.error.code == _FORBIDDEN else self.error
        return next((wrong for wrong in self.errors.values() if wrong.code in _GONE), None)

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


def used_pct(card: Card) -> float | None:
    """Return the share of the card's memory that is in use."""
    if card.memory is None or card.memory.total <= 0:
        return None
    return round(card.memory.used / card.memory.total * 100, 2)


def throttles(card: Card) -> int | None:
    """Return 0 where heat does not slow the card down, 1 where the driver does so, 2 where the hardware does."""
    if card.reasons is None:
        return None
    return 2 if card.reasons & _HARDWARE_THERMAL else int(bool(card.reasons & _SOFTWARE_THERMAL))


def trouble_of(found: Inventory) -> Message | None:
    """Return why there is nothing to see at all, and what to do about it."""
    error = found.init_error or found.count_error
    if error is None:
        return None if found.gpus else say("the NVIDIA driver works but shows no GPU")
    texts = {
        9: say("the NVIDIA driver is not loaded (lsmod shows no nvidia module): was the kernel updated without it?"),
        12: say("the NVIDIA driver library libnvidia-ml.so.1 is not on this host: install the driver or mount it here"),
        18: say("NVIDIA driver and library differ in version (updated, no reboot): reboot, or reload the modules"),
        999: say("NVML answers 'unknown error': a container has lost access to the GPU, restart it; else see dmesg"),
    }
    return texts.get(error.code) or say("NVML answers '{text}' ({code})", text=error.text, code=error.code)
