"""What gpu_reader prints about the cards of a host, as typed values: the evidence that the gpu probe reads."""

from __future__ import annotations

import msgspec
from msgspec.structs import force_setattr

from opskit.probes.base import Whole
from opskit.probes.gpu_plausible import FIELDS, are_counts, is_memory, is_plausible

METRIC_FIELDS = {
    "memory_used_pct": "memory",
    "memory_used_bytes": "memory",
    "temperature_c": "temperature_c",
    "headroom_c": "temperature_c",
    "limit_assumed": "temperature_c",
    "thermal_throttle": "reasons",
    "utilization_pct": "utilization",
    "power_w": "power_mw",
}
"""The field of a card that each metric needs."""
_ERROR_OF = {"utilization_pct": "utilization"}
_ODD, _LONGEST = -1, 80  # an answer that no card can mean
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
    total: int
    used: int
    reserved: int | None = None


class Process(msgspec.Struct, frozen=True):
    """Who is on a card. `used` bytes are None where the driver does not tell, names where it is not ours to see.

    `started_at` is in epoch seconds; `program` is the path of its program, never an argument of it.
    """

    pid: Whole
    used: int | None = None
    name: str | None = None
    parent: str | None = None
    user: str | None = None
    program: str | None = None
    started_at: float | None = None

    def __post_init__(self) -> None:
        if self.used is not None and not is_memory(self.used):
            force_setattr(self, "used", None)


class Heard(msgspec.Struct, frozen=True):
    """An Xid that NVML reported while it was asked: the index of its card, and when (epoch seconds)."""

    xid: int
    index: int | None = None
    at: float | None = None


class Card(msgspec.Struct, frozen=True):
    """One GPU as NVML tells it; what it does not tell is None and its reason stands in `errors`.

    Evidence that is older than a field has neither a value nor a reason for it. The `tlimit_` fields are degrees
    relative to the limit that the margin counts to; the `slowed_` ones count since the driver was loaded. Numbers that
    no card can mean are not told either (gpu_plausible); so they may be of any size here.
    """

    index: Whole
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
    power_default_mw: int | None = None
    pci: str | None = None
    capability: list[int] | None = None
    persistence: int | None = None
    ecc: bool | None = None
    ecc_corrected: int | None = None
    ecc_uncorrected: int | None = None
    remapped_rows: list[int] | None = None
    retired_pending: int | None = None
    unrepairable: int | None = None
    pcie_width: int | None = None
    pcie_width_max: int | None = None
    tlimit_shutdown_c: int | None = None
    tlimit_slowdown_c: int | None = None
    tlimit_max_c: int | None = None
    recovery_action: int | None = None
    slowed_power_ns: int | None = None
    slowed_software_heat_ns: int | None = None
    slowed_hardware_heat_ns: int | None = None
    slowed_power_brake_ns: int | None = None
    processes: list[Process] | None = None
    errors: dict[str, Wrong] = {}

    def __post_init__(self) -> None:
        """Take what cannot be meant for what could not be told, each field by itself."""
        found = {name: value for name in FIELDS if (value := getattr(self, name)) is not None}
        odd: dict[str, object] = {name: value for name, value in found.items() if not is_plausible(name, value)}
        if self.memory is not None and not (is_memory(self.memory.total) and is_memory(self.memory.used)):
            odd["memory"] = f"{self.memory.used} / {self.memory.total}"
        if self.remapped_rows is not None and not are_counts(self.remapped_rows):
            odd["remapped_rows"] = self.remapped_rows
        for name in odd:
            force_setattr(self, name, None)
        wrong = {_ERROR_OF.get(name, name): Wrong(_ODD, f"{name} = {value}"[:_LONGEST]) for name, value in odd.items()}
        force_setattr(self, "errors", self.errors | wrong)

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
        return self.has_no(METRIC_FIELDS[metric])

    def has_no(self, field: str) -> bool:
        """The same for a field."""
        wrong = self.errors.get(field)
        return wrong is not None and wrong.code in _UNSUPPORTED


class Inventory(msgspec.Struct, frozen=True):
    """The evidence: all cards, or why there are none.

    `module` is the line in which the kernel's driver tells its version, `library` the file that was loaded.
    """

    gpus: list[Card] = []
    init_error: Wrong | None = None
    count_error: Wrong | None = None
    driver: str | None = None
    module: str | None = None
    library: str | None = None
    events: list[Heard] = []


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
