"""The state of the cards as files of `key value` lines, which the stand-in library reads at each call."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

Value = str | int | float
Card = Mapping[str, Value]

DRIVER = "580.95.05"
# An A10 (23028 MiB with ECC on) with nothing loaded; serial, part and firmware numbers are made up. It has no fan, no
# sensor in its memory, no target temperature, no T.Limit, no MIG and no retired pages: those keys are not there.
_CARD: dict[str, Value] = {
    "name": "NVIDIA A10",
    "vbios": "94.02.75.00.01",
    "part": "900-2G133-0000-000",
    "inforom": "G133.0200.00.05",
    "brand": 14,
    "architecture": 7,  # Ampere
    "compute_capability": "8.6",
    "cores": 9216,
    "bus_type": 2,
    "multi_gpu_board": 0,
    "pci_id": "0x223610de",
    "persistence": 1,
    "compute_mode": 0,
    "display_active": 0,
    "display_mode": 1,
    "gsp": 1,
    "gsp_version": DRIVER,
    "mem_total": 24_146_608_128,
    "mem_reserved": 276_824_064,
    "mem_used": 0,
    "bar1_total": 34_359_738_368,
    "bar1_used": 1_048_576,
    "procs": "none",
    "proc_util": "none",
    "temp": 41,
    "temp_shutdown": 98,
    "temp_slowdown": 95,
    "temp_max": 88,
    "fans": 0,
    "reasons": "0x1",  # idle
    "reasons_supported": "0x1ff",
    "violation_power": 0,
    "violation_thermal": 0,
    "throttled_sw_thermal": 0,
    "throttled_hw_thermal": 0,
    "throttled_power_brake": 0,
    "util_gpu": 0,
    "util_mem": 0,
    "util_enc": 0,
    "util_dec": 0,
    "power": 21_400,
    "power_limit": 150_000,
    "power_default": 150_000,
    "power_min": 100_000,
    "power_max": 150_000,
    "power_management": 1,
    "energy": 184_467_000,
    "clock_graphics": 1695,
    "clock_sm": 1695,
    "clock_mem": 6251,
    "clock_video": 1470,
    "clock_app_graphics": 1695,
    "clock_app_mem": 6251,
    "clock_max_graphics": 1695,
    "clock_max_sm": 1695,
    "clock_max_mem": 6251,
    "clock_max_video": 1500,
    "pstate": 0,
    "ecc": 1,
    "ecc_pending": 1,
    "ecc_default": 1,
    "ecc_corrected_volatile": 0,
    "ecc_uncorrected_volatile": 0,
    "ecc_corrected_aggregate": 0,
    "ecc_uncorrected_aggregate": 0,
    "remap_corrected": 0,
    "remap_uncorrected": 0,
    "remap_pending": 0,
    "remap_failure": 0,
    "remap_banks": "96,0,0,0,0",
    "repair_channel": 0,
    "repair_tpc": 0,
    "unrepairable": 0,
    "recovery": 0,
    "events": "0x1f",
    "pcie_gen": 4,
    "pcie_gen_max": 4,
    "pcie_width": 16,
    "pcie_width_max": 16,
    "pcie_replays": 0,
    "pcie_tx": 0,
    "pcie_rx": 0,
}


def healthy(gpus: int = 1) -> dict[str, Value]:
    """Describe `gpus` cards that have nothing wrong with them and nothing to do."""
    lines: dict[str, Value] = {"gpus": gpus, "driver": DRIVER, "nvml": f"13.{DRIVER}", "cuda": 13000}
    for index in range(gpus):
        own = {
            "uuid": f"GPU-{index:08x}-5a11-4c0d-9e57-00000000a10{index:x}",
            "serial": f"13219220{index:05d}",
            "pci": f"0:{0x17 + index:x}:0",
        }
        lines |= {f"gpu{index}.{key}": value for key, value in {**own, **_CARD}.items()}
    return lines


def write(path: Path, lines: Card) -> None:
    """Replace the file in one step, so that a reader never sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.write_text("".join(f"{key} {value}\n" for key, value in lines.items()), "utf-8")
    fresh.replace(path)
