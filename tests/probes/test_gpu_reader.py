"""The reader of the driver over the compiled stand-in: single calls, hostile names, events, one reader at a time."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opskit.lab.gpu.library import build
from opskit.probes import gpu_start
from opskit.probes.base import LateError
from tests.probes.asking import ask, collect
from tests.probes.cards import Cards


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml")).parent


@pytest.fixture
def nvml(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cards:
    state = Cards(tmp_path / "nvml.state")
    monkeypatch.setenv("OPSKIT_NVML_STATE", str(state.path))
    return state


def inventory(library: Path, **given: Any) -> dict[str, Any]:
    (raw,) = collect("gpu", library=str(library), **given)
    found: dict[str, Any] = json.loads(raw.data)
    return found


def test_everything_a_card_tells_is_read(nvml: Cards, library: Path) -> None:
    fields = {"gpu0.margin": 24, "gpu0.tlimit_slowdown": -2, "gpu0.tlimit_shutdown": -8, "gpu0.recovery": 1}
    nvml.set(**fields, **{"gpu0.remap_pending": 1, "gpu0.ecc_uncorrected_volatile": 1 << 40, "gpu0.pcie_width": 8})
    (card,) = inventory(library)["gpus"]
    assert (card["margin_c"], card["tlimit_slowdown_c"], card["tlimit_shutdown_c"]) == (24, -2, -8)
    assert (card["recovery_action"], card["remapped_rows"], card["ecc_uncorrected"]) == (1, [0, 0, 1, 0], 1 << 40)
    assert (card["pcie_width"], card["persistence"], card["power_default_mw"]) == (8, 1, 150_000)
    assert set(card["errors"]) == {"tlimit_max_c", "retired_pending"}  # what this card does not have


GETTERS = {
    "nvmlDeviceGetUUID": "uuid", "nvmlDeviceGetName": "name", "nvmlDeviceGetPciInfo_v3": None,
    "nvmlDeviceGetMarginTemperature": "margin_c", "nvmlDeviceGetEccMode": "ecc_mode",
    "nvmlDeviceGetTotalEccErrors": "ecc_uncorrected", "nvmlDeviceGetRemappedRows": "remapped_rows",
    "nvmlDeviceGetUnrepairableMemoryFlag_v1": "unrepairable", "nvmlDeviceGetPersistenceMode": "persistence",
    "nvmlDeviceGetCurrPcieLinkWidth": "pcie_width", "nvmlDeviceGetFieldValues": "recovery_action",
    "nvmlDeviceGetPowerManagementDefaultLimit": "power_default_mw", "nvmlDeviceGetCudaComputeCapability": "capability",
    "nvmlDeviceGetSupportedEventTypes": None,
}  # fmt: skip


def test_calls_that_fail_cost_their_fields_and_nothing_else(nvml: Cards, library: Path) -> None:
    nvml.healthy(2).set(**{f"gpu0.{call}": "!999" for call in GETTERS})
    first, second = inventory(library)["gpus"]
    assert {field for field in GETTERS.values() if field} <= set(first["errors"])
    assert (first["temperature_c"], first["memory"]["version"], first["utilization_pct"]) == (61, 2, 34)
    assert not {field for field in GETTERS.values() if field} & set(second["errors"]) - {"margin_c"}


def test_a_name_that_is_no_text_costs_the_name(nvml: Cards, library: Path) -> None:
    nvml.path.write_bytes(nvml.path.read_bytes().replace(b"name NVIDIA A10", b"name \xff\xfe\x80"))
    (card,) = inventory(library)["gpus"]
    assert card["name"] is None or isinstance(card["name"], str)
    assert card["temperature_c"] == 61


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[int]:
    """A process whose name is an escape sequence and no UTF-8."""
    program = os.fsencode(tmp_path) + b"/e\x1b[31m\xff\n"
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    process = subprocess.Popen([program, "60"])
    yield process.pid
    process.kill()
    process.wait()


def test_processes_are_named_and_may_be_gone_or_hostile(nvml: Cards, library: Path, hostile: int) -> None:
    nvml.set(**{"gpu0.procs": f"{os.getpid()}:5000,{hostile}:-,4194303:7", "gpu0.graphics_procs": f"{os.getpid()}:9"})
    (card,) = inventory(library)["gpus"]
    own, strange, gone = card["processes"]
    assert (own["pid"], own["used"]) == (os.getpid(), 5000)
    assert own["name"].startswith("py")
    assert strange["used"] is None
    assert "\x1b[31m" in strange["name"]
    assert gone == {"pid": 4194303, "used": 7}


def test_both_versions_of_a_mismatch_are_named(nvml: Cards, library: Path, tmp_path: Path) -> None:
    real = tmp_path / "libnvidia-ml.so.580.105.08"
    shutil.copy(library / "libnvidia-ml.so.1", real)
    (tmp_path / "libnvidia-ml.so.1").symlink_to(real)
    told = tmp_path / "version"
    told.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build\nGCC 12\n")
    nvml.set(init="!18")
    reading = ask("gpu", library=str(tmp_path), version_file=str(told), expected=1)
    why = str(reading.reason("missing"))
    assert "the kernel runs 580.95.05, the library is 580.105.08" in why
    assert "Reboot" in why
    told.write_bytes(b"\xff\0" * 5000)
    assert "an unknown version, the library is 580.105.08" in str(
        ask("gpu", library=str(tmp_path), version_file=str(told), expected=1).reason("missing")
    )


def test_a_library_that_cannot_be_loaded_is_not_replaced_by_the_systems(
    nvml: Cards, library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    assert len(inventory(tmp_path)["gpus"]) == 1, "without one in the folder the system's is asked"
    (tmp_path / "libnvidia-ml.so.1").write_bytes(b"no library")
    found = inventory(tmp_path)
    assert (found["init_error"]["code"], found["gpus"]) == (12, [])


def test_there_is_one_reader_at_a_time(nvml: Cards, library: Path) -> None:
    holder = os.open(library, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    try:
        with pytest.raises(LateError, match="did not answer an earlier question within 1 s"):
            ask("gpu", 1, library=str(library))
    finally:
        os.close(holder)
    assert ask("gpu", library=str(library)).facts["count"] == 1


def test_an_xid_that_happens_while_the_driver_is_asked_is_heard(nvml: Cards, library: Path) -> None:
    nvml.set(**{"gpu0.temp.hang": 30})
    question = json.dumps({"library": str(library), "version_file": None, "lock": str(library)})
    with gpu_start.start() as reader:
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write(question.encode() + b"\n")
        reader.stdin.flush()
        for line in reader.stdout:
            if b"GetTemperature" in line:
                nvml.set(**{"gpu0.xid": "48 1", "gpu0.temp.hang": 0})
        (heard,) = json.loads(line)["inventory"]["events"]
    assert (heard["index"], heard["xid"]) == (0, 48)
