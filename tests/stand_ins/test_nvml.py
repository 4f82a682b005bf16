"""The stand-in library as the unmodified binding sees it, each time from a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.stand_ins.nvml import NvmlState, build, env

# Runs the expressions of argv and prints, for each, its value or the code of the error it ended in.
_READER = """
import json, sys, pynvml as n
def ask(text):
    try:
        return eval(text, {"n": n, "h": n.nvmlDeviceGetHandleByIndex})
    except n.NVMLError as error:
        return f"!{error.value}"
    except n.NVMLLibraryMismatchError:
        return "!mismatch"
print(json.dumps([ask(text) for text in sys.argv[1:]]))
"""
_INIT = "n.nvmlInit()"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the complete library."""
    return build(tmp_path_factory.mktemp("nvml")).parent


@pytest.fixture
def state(tmp_path: Path) -> NvmlState:
    """Two healthy cards."""
    return NvmlState(tmp_path / "state").healthy(gpus=2)


def ask(library: Path | None, state: NvmlState, *expressions: str, timeout: float = 10) -> list[object]:
    """Evaluate pynvml expressions after nvmlInit in a new process; a failed call gives `!code`."""
    reader = [sys.executable, "-c", _READER, _INIT, *expressions]
    done = subprocess.run(reader, env=env(library, state), capture_output=True, text=True, timeout=timeout, check=True)
    answers: list[object] = json.loads(done.stdout)
    return answers if answers[0] is not None else answers[1:]


def test_a_healthy_card_answers_every_reading(library: Path, state: NvmlState) -> None:
    readings = {
        "n.nvmlDeviceGetCount()": 2,
        "n.nvmlSystemGetDriverVersion()": "580.95.05",
        "n.nvmlSystemGetNVMLVersion()": "13.580.95.05",
        "n.nvmlSystemGetCudaDriverVersion()": 13000,
        "n.nvmlDeviceGetName(h(1))": "NVIDIA A10",
        "n.nvmlDeviceGetUUID(h(1))": "GPU-00000001-5a11-4c0d-9e57-00000000a101",
        "n.nvmlDeviceGetName(n.nvmlDeviceGetHandleByUUID('GPU-00000001-5a11-4c0d-9e57-00000000a101'))": "NVIDIA A10",
        "n.nvmlDeviceGetPciInfo(h(1)).busId": "00000000:18:00.0",
        "n.nvmlDeviceGetTemperature(h(0), 0)": 61,
        "n.nvmlDeviceGetTemperatureV(h(0), 0)": 61,
        "[n.nvmlDeviceGetTemperatureThreshold(h(0), k) for k in (0, 1, 3)]": [98, 95, 88],
        "n.nvmlDeviceGetCurrentClocksEventReasons(h(0))": 0,
        "n.nvmlDeviceGetCurrentClocksThrottleReasons(h(0))": 0,
        "[n.nvmlDeviceGetUtilizationRates(h(0)).gpu, n.nvmlDeviceGetUtilizationRates(h(0)).memory]": [34, 28],
        "n.nvmlDeviceGetPowerUsage(h(0))": 92400,
        "n.nvmlDeviceGetEnforcedPowerLimit(h(0))": 150000,
        "n.nvmlDeviceGetPowerManagementDefaultLimit(h(0))": 150000,
        "[n.nvmlDeviceGetClockInfo(h(0), k) for k in (0, 1, 2)]": [1695, 1695, 6251],
        "n.nvmlDeviceGetMaxClockInfo(h(0), 0)": 1695,
        "n.nvmlDeviceGetPerformanceState(h(0))": 0,
        "n.nvmlDeviceGetEccMode(h(0))": [1, 1],
        "n.nvmlDeviceGetTotalEccErrors(h(0), 1, 0)": 0,
        "n.nvmlDeviceGetRemappedRows(h(0))": [0, 0, 0, 0],
        "[n.nvmlDeviceGetCurrPcieLinkWidth(h(0)), n.nvmlDeviceGetMaxPcieLinkWidth(h(0))]": [16, 16],
        "n.nvmlDeviceGetPersistenceMode(h(0))": 1,
        "[[p.pid, p.usedGpuMemory] for p in n.nvmlDeviceGetComputeRunningProcesses(h(0))]": [[2417, 21000000000]],
        "n.nvmlDeviceGetGraphicsRunningProcesses(h(0))": [],
        "n.nvmlShutdown()": None,
        "h(0)": "!1",
    }
    assert dict(zip(readings, ask(library, state, *readings), strict=True)) == readings


def test_memory_versions_differ_by_what_is_reserved(library: Path, state: NvmlState) -> None:
    state.set(**{"gpu0.mem_total": 1000, "gpu0.mem_reserved": 30, "gpu0.mem_used": 600})
    v1, v2 = "n.nvmlDeviceGetMemoryInfo(h(0))", "n.nvmlDeviceGetMemoryInfo(h(0), n.nvmlMemory_v2)"
    assert ask(library, state, f"(lambda m: [m.total, m.used, m.free])({v1})") == [[1000, 630, 370]]
    assert ask(library, state, f"(lambda m: [m.total, m.used, m.free, m.reserved])({v2})") == [[1000, 600, 370, 30]]


def test_field_values_are_signed_and_fail_one_by_one(library: Path, state: NvmlState) -> None:
    state.set(**{"gpu0.tlimit_shutdown": -8, "gpu0.tlimit_slowdown": -2, "gpu0.tlimit_max": 0, "gpu0.margin": 24})
    state.set(**{"gpu0.temp_mem": 59, "gpu0.recovery": 2})
    signed = "[v.value.siVal for v in n.nvmlDeviceGetFieldValues(h(0), [193, 194, 196])]"
    types = "[[v.valueType, v.nvmlReturn] for v in n.nvmlDeviceGetFieldValues(h(0), [193, 82, 195, 999])]"
    unsigned = "[v.value.uiVal for v in n.nvmlDeviceGetFieldValues(h(0), [82, 230])]"
    answers = ask(library, state, signed, types, unsigned, "n.nvmlDeviceGetMarginTemperature(h(0))")
    assert answers == [[-8, -2, 0], [[5, 0], [1, 0], [5, 3], [0, 3]], [59, 2], 24]


def test_processes_hide_memory_that_is_not_available(library: Path, state: NvmlState) -> None:
    state.set(**{"gpu0.procs": "1234:20000000000,77:-"})
    listing = "[[p.pid, p.usedGpuMemory] for p in n.nvmlDeviceGetComputeRunningProcesses_v3(h(0))]"
    assert ask(library, state, listing) == [[[1234, 20000000000], [77, None]]]


@pytest.mark.parametrize("code", [9, 18, 999])
def test_init_fails_with_the_scripted_code(library: Path, state: NvmlState, code: int) -> None:
    assert ask(library, state.set(init=f"!{code}"))[0] == f"!{code}"


def test_no_state_is_no_driver_and_no_library_is_not_found(library: Path, tmp_path: Path) -> None:
    nothing = NvmlState(tmp_path / "absent")
    assert ask(library, nothing)[0] == "!9"
    assert ask(None, nothing)[0] == "!12"


def test_faults_stay_where_they_are_scripted(library: Path, state: NvmlState) -> None:
    state.set(**{"gpu0.handle": "!15", "gpu1.mem": "!4", "gpu1.temp": "!3"})
    calls = ["h(0)", "n.nvmlDeviceGetMemoryInfo(h(1))", "n.nvmlDeviceGetTemperature(h(1), 0)", "h(2)"]
    assert ask(library, state, *calls, "n.nvmlDeviceGetPowerUsage(h(1))") == ["!15", "!4", "!3", "!2", 92400]
    assert ask(library, state.set(count="!999"), "n.nvmlDeviceGetCount()") == ["!999"]


def test_a_lost_card_fails_every_call_on_a_handle_that_was_good(library: Path, state: NvmlState) -> None:
    lose = f"open({str(state.path)!r}, 'a').write('gpu0.all !15\\n') and n.nvmlDeviceGetPowerUsage(g)"
    assert ask(library, state, f"(lambda g: {lose})(h(0))", "h(0)", "n.nvmlDeviceGetName(h(1))") == [
        "!15",
        "!15",
        "NVIDIA A10",
    ]


def test_a_hang_blocks_until_its_time_is_over(library: Path, state: NvmlState) -> None:
    temperature = "n.nvmlDeviceGetTemperature(h(0), 0)"
    with pytest.raises(subprocess.TimeoutExpired):
        ask(library, state.set(**{"gpu0.temp.hang": 30}), temperature, timeout=1)
    started = time.monotonic()
    assert ask(library, state.set(**{"gpu0.temp.hang": 0.3}), temperature) == [61]
    assert time.monotonic() - started >= 0.3


def test_an_old_driver_lacks_symbols(state: NvmlState, tmp_path: Path) -> None:
    gone = ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetComputeRunningProcesses_v3")
    old = build(tmp_path / "old", without=gone).parent
    calls = [
        "n.nvmlDeviceGetMemoryInfo(h(0), n.nvmlMemory_v2)",
        "n.nvmlDeviceGetTemperatureV(h(0), 0)",
        "n.nvmlDeviceGetComputeRunningProcesses(h(0))",
        "n.nvmlDeviceGetTemperature(h(0), 0)",
    ]
    assert ask(old, state, *calls) == ["!13", "!13", "!mismatch", 61]
