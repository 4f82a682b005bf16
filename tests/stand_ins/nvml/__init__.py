"""A stand-in `libnvidia-ml.so.1` and the state file that drives it.

The library is compiled from `nvml.c`, which explains the state's lines; unmodified pynvml loads it, because it opens
exactly `libnvidia-ml.so.1`. glibc reads LD_LIBRARY_PATH when a process starts and not later, so the reader has to be a
new process started with `env(...)`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"
_SOURCE = Path(__file__).with_name("nvml.c")

# An A10 (23028 MiB with ECC on) that serves a 32B model: full but below 90 %, warm, not throttled.
_HEALTHY_CARD: dict[str, str | int] = {
    "name": "NVIDIA A10",
    "mem_total": 24_146_608_128,
    "mem_reserved": 276_824_064,
    "mem_used": 21_130_000_000,
    "temp": 61,
    "temp_shutdown": 98,
    "temp_slowdown": 95,
    "temp_max": 88,
    "reasons": "0x0",
    "util_gpu": 34,
    "util_mem": 28,
    "power": 92_400,
    "power_limit": 150_000,
    "power_default": 150_000,
    "clock_graphics": 1695,
    "clock_sm": 1695,
    "clock_mem": 6251,
    "clock_video": 1470,
    "clock_max_graphics": 1695,
    "clock_max_sm": 1695,
    "clock_max_mem": 6251,
    "clock_max_video": 1500,
    "pstate": 0,
    "ecc": 1,
    "ecc_corrected_volatile": 0,
    "ecc_uncorrected_volatile": 0,
    "ecc_corrected_aggregate": 0,
    "ecc_uncorrected_aggregate": 0,
    "remap_corrected": 0,
    "remap_uncorrected": 0,
    "remap_pending": 0,
    "remap_failure": 0,
    "pcie_width": 16,
    "pcie_width_max": 16,
    "persistence": 1,
    "procs": "2417:21000000000",
}


def build(directory: Path, without: Iterable[str] = ()) -> Path:
    """Compile the library into `directory` unless it is there; `without` leaves symbols out, as an old driver does.

    A library that a process has mapped must not be rewritten, so one directory holds one variant.
    """
    library = directory / LIBRARY
    if library.exists():
        return library
    directory.mkdir(parents=True, exist_ok=True)
    hidden = "".join(f" {symbol};" for symbol in without)
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        symbols = Path(scratch, "symbols.map")
        symbols.write_text("{ global: *; " + (f"local:{hidden} " if hidden else "") + "};\n")
        fresh = Path(scratch, LIBRARY)
        flags = ["-shared", "-fPIC", "-O1", f"-Wl,-soname,{LIBRARY}", f"-Wl,--version-script={symbols}"]
        subprocess.run(["gcc", *flags, "-o", str(fresh), str(_SOURCE)], check=True, capture_output=True, text=True)
        fresh.replace(library)
    return library


class NvmlState:
    """The state file. Every change replaces the file in one step, so that a reader never sees half of it."""

    def __init__(self, path: Path) -> None:
        """Take `path` as the state file; nothing is written until the first change."""
        self.path = path
        self._lines: dict[str, str] = {}

    def set(self, **values: str | float) -> NvmlState:
        """Add or change keys; dotted ones as `**{"gpu0.temp": 91}`, a failure as `"!15"`."""
        self._lines.update({key: str(value) for key, value in values.items()})
        return self._write()

    def unset(self, *keys: str) -> NvmlState:
        """Take keys away: their calls become "not supported", their hangs end."""
        for key in keys:
            self._lines.pop(key, None)
        return self._write()

    def healthy(self, gpus: int = 1) -> NvmlState:
        """Forget everything and describe `gpus` cards that have nothing wrong with them."""
        self._lines = {"gpus": str(gpus), "driver": "580.95.05", "nvml": "13.580.95.05", "cuda": "13000"}
        for index in range(gpus):
            card = {"uuid": f"GPU-{index:08x}-5a11-4c0d-9e57-00000000a10{index:x}", "pci": f"0:{0x17 + index:x}:0"}
            self._lines |= {f"gpu{index}.{key}": str(value) for key, value in {**card, **_HEALTHY_CARD}.items()}
        return self._write()

    def _write(self) -> NvmlState:
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text("".join(f"{key} {value}\n" for key, value in self._lines.items()))
        fresh.replace(self.path)
        return self


def env(library_dir: Path | None, state: NvmlState) -> dict[str, str]:
    """The environment for a new process that shall see the stand-in; without a directory it sees no library at all."""
    variables = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    variables["OPSKIT_NVML_STATE"] = str(state.path)
    if library_dir is not None:
        variables["LD_LIBRARY_PATH"] = str(library_dir)
    return variables
