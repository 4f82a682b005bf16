"""Which numbers a card can mean. What is beyond is what a driver writes where it has no value: nobody is accused by it.

NVML's "not available" is -1 in whatever width (nvml.h, NVML_VALUE_NOT_AVAILABLE), and DCGM forwards its blanks, such as
9223372036854775794, as if they were values.
"""

from __future__ import annotations

_BLANK_32 = (1 << 32) - 1
"""As a count of bytes, too, it is no value: memory comes in whole pages."""
_MEMORY = (0, 1 << 50)
_COUNT, _FLAG, _DEGREES, _MILLIWATTS = (0, (1 << 53) - 1), (0, 1), (-200, 200), (0, 100_000_000)
_RANGES = {
    "temperature_c": (-60, 200),
    "margin_c": _DEGREES,
    "reasons": (0, _BLANK_32 - 1),
    "utilization_pct": (0, 100),
    "power_mw": _MILLIWATTS,
    "power_limit_mw": _MILLIWATTS,
    "power_default_mw": _MILLIWATTS,
    "persistence": _FLAG,
    "ecc_corrected": _COUNT,
    "ecc_uncorrected": _COUNT,
    "retired_pending": _FLAG,
    "unrepairable": _FLAG,
    "pcie_width": (1, 64),
    "pcie_width_max": (0, 64),
    "tlimit_shutdown_c": _DEGREES,
    "tlimit_slowdown_c": _DEGREES,
    "tlimit_max_c": _DEGREES,
    "recovery_action": (0, 255),
}
_COLD = "temperature_c", -1
"""The blank of a signed number: taken for a value, it would make the card a cool one."""
FIELDS = tuple(_RANGES)


def is_plausible(field: str, value: int) -> bool:
    """Whether a card can mean this number."""
    low, high = _RANGES[field]
    return low <= value <= high and value != _BLANK_32 and (field, value) != _COLD


def are_counts(values: list[int]) -> bool:
    """The same for a list of counters."""
    return all(_COUNT[0] <= value <= _COUNT[1] and value != _BLANK_32 for value in values)


def is_memory(value: int) -> bool:
    """The same for an amount in bytes."""
    return _MEMORY[0] <= value <= _MEMORY[1] and value != _BLANK_32
