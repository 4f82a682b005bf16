"""Everything that can go wrong with a driver: return codes, calls that hang, symbols that are missing, no library."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pynvml
import pytest

from opskit.lab.gpu.library import build
from tests.lab.gpu.cards import Cards

POWER = "n.nvmlDeviceGetPowerUsage(h(1))"
CODES = sorted(getattr(pynvml, name) for name in dir(pynvml) if name.startswith("NVML_ERROR_"))


@pytest.mark.parametrize("key", ["init", "nvmlInitWithFlags"])
@pytest.mark.parametrize("code", [9, 18, 999])
def test_init_fails_with_the_scripted_code(cards: Cards, key: str, code: int) -> None:
    assert cards.set(**{key: f"!{code}"}).ask()[0] == f"!{code}"


def test_no_state_is_no_driver_and_no_library_is_not_found(library: Path, cards: Cards, tmp_path: Path) -> None:
    for file in cards.files:
        file.unlink(missing_ok=True)
    assert cards.ask()[0] == "!9"
    cards.library = None
    assert cards.ask()[0] == "!12"
    cards.library = tmp_path
    (tmp_path / "libnvidia-ml.so.1").write_text("junk")
    assert cards.ask()[0] == "!12"


def test_a_call_before_init_and_after_the_last_shutdown(cards: Cards) -> None:
    twice = "[n.nvmlInit(), n.nvmlShutdown(), n.nvmlDeviceGetCount()][-1]"
    calls = ["n.nvmlShutdown()", "n.nvmlDeviceGetCount()", "n.nvmlShutdown()", "n.nvmlInit()", "n.nvmlDeviceGetCount()"]
    assert cards.ask(twice, *calls) == [2, None, "!1", "!1", None, 2]


def test_every_code_reaches_the_caller_and_has_its_words(cards: Cards) -> None:
    calls, words = [], []
    for code in CODES:
        change = f"open({str(cards.files[2])!r}, 'w').write('gpu0.nvmlDeviceGetName !{code}\\n')"
        calls.append(f"[{change}, n.nvmlDeviceGetName(h(0))]")
        words.append(f"n.nvmlErrorString({code})")
    assert CODES[-1] == 999
    assert cards.ask(*calls) == [f"!{code}" for code in CODES]
    told = cards.ask(*words)
    assert told[-1] == "Unknown Error"
    assert len(set(told)) == len(CODES)
    assert cards.ask("n.nvmlErrorString(0)", "n.nvmlErrorString(31)") == ["Success", "Unknown Error"]


def test_faults_stay_where_they_are_scripted(cards: Cards) -> None:
    cards.set(**{"gpu0.handle": "!15", "gpu1.mem": "!4", "gpu1.temp": "!3", "gpu1.nvmlDeviceGetTemperatureV": "!25"})
    calls = {
        "h(0)": "!15",
        "h(2)": "!2",
        "n.nvmlDeviceGetMemoryInfo(h(1))": "!4",
        "n.nvmlDeviceGetMemoryInfo(h(1), n.nvmlMemory_v2)": "!4",
        "n.nvmlDeviceGetTemperature(h(1), 0)": "!3",
        "n.nvmlDeviceGetTemperatureV(h(1), 0)": "!25",
        POWER: 21400,
    }
    assert dict(zip(calls, cards.ask(*calls), strict=True)) == calls
    assert cards.set(count="!999").ask("n.nvmlDeviceGetCount()", "h(1)") == ["!999", "!999"]


@pytest.mark.parametrize(
    ("key", "call"),
    [
        ("util", "n.nvmlDeviceGetUtilizationRates(h(0))"),
        ("fields", "n.nvmlDeviceGetFieldValues(h(0), [82])"),
        ("remap", "n.nvmlDeviceGetRemappedRows(h(0))"),
        ("procs", "n.nvmlDeviceGetComputeRunningProcesses(h(0))"),
        ("pci", "n.nvmlDeviceGetPciInfo(h(0))"),
        ("events", "n.nvmlDeviceGetSupportedEventTypes(h(0))"),
    ],
)
def test_groups_of_values_fail_as_one(cards: Cards, key: str, call: str) -> None:
    assert cards.set(**{f"gpu0.{key}": "!17"}).ask(call) == ["!17"]


def test_a_lost_card_fails_every_call_on_a_handle_that_was_good(cards: Cards) -> None:
    lose = f"open({str(cards.files[2])!r}, 'a').write('gpu0.all !15\\n') and n.nvmlDeviceGetPowerUsage(g)"
    uuid = "GPU-00000000-5a11-4c0d-9e57-00000000a100"
    lost = [f"(lambda g: {lose})(h(0))", "h(0)", f"n.nvmlDeviceGetHandleByUUID('{uuid}')"]
    assert cards.ask(*lost, "n.nvmlDeviceGetName(h(1))") == ["!15", "!15", "!15", "NVIDIA A10"]


def test_handles_and_structs_that_are_not_ours_are_refused(cards: Cards) -> None:
    foreign = "n.nvmlDeviceGetName(n.cast(n.c_void_p(64), n.c_nvmlDevice_t))"
    versions = ["n.nvmlDeviceGetMemoryInfo(h(0), 0x03000028)", "n.nvmlEventSetWait_v2(n.c_nvmlEventSet_t(), 0)"]
    assert cards.ask(foreign, *versions) == ["!2", "!25", "!2"]


@pytest.mark.parametrize("key", ["gpu0.temp", "gpu0.all", "gpu0.nvmlDeviceGetTemperature"])
def test_a_hang_blocks_until_its_time_is_over(cards: Cards, key: str) -> None:
    temperature = "n.nvmlDeviceGetTemperature(h(0), 0)"
    with pytest.raises(subprocess.TimeoutExpired):
        cards.set(**{f"{key}.hang": 30}).ask(temperature, timeout=1)
    started = time.monotonic()
    assert cards.set(**{f"{key}.hang": 0.3}).ask(temperature) == [41]
    assert time.monotonic() - started >= 0.3


def test_a_hang_in_one_thread_leaves_the_other_alone_and_ends_with_its_line(cards: Cards) -> None:
    cards.set(**{"gpu0.temp.hang": 30})
    heal = f"open({str(cards.files[2])!r}, 'w').close()"
    hung = "threading.Thread(target=lambda: told.append(n.nvmlDeviceGetTemperature(h(0), 0)))"
    steps = [
        f"globals().update(told=[], hung={hung})",
        "hung.start()",
        f"[{POWER} for _ in range(20)][-1]",
        "list(told)",
        heal,
        "hung.join(10)",
        "list(told)",
    ]
    assert cards.ask(*steps) == [None, None, 21400, [], None, None, [41]]


def test_two_threads_read_the_same(cards: Cards) -> None:
    work = "[n.nvmlDeviceGetMemoryInfo(h(k)).total + n.nvmlDeviceGetTemperature(h(k), 0) for _ in range(100)]"
    pool = f"list(concurrent.futures.ThreadPoolExecutor(2).map(lambda k: {work}, (0, 1)))"
    answers = cards.ask("globals().update(concurrent=__import__('concurrent.futures'))", pool)
    assert answers[1] == [[24_146_608_128 + 41] * 100] * 2


def test_an_old_driver_lacks_symbols(cards: Cards, tmp_path: Path) -> None:
    gone = ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetComputeRunningProcesses_v3")
    cards.library = build(tmp_path / "old", without=gone).parent
    calls = {
        "n.nvmlDeviceGetMemoryInfo(h(0), n.nvmlMemory_v2)": "!13",
        "n.nvmlDeviceGetTemperatureV(h(0), 0)": "!13",
        "n.nvmlDeviceGetComputeRunningProcesses(h(0))": "!mismatch",
        "n.nvmlDeviceGetComputeRunningProcesses_v2(h(0))": [],
        "n.nvmlDeviceGetTemperature(h(0), 0)": 41,
    }
    assert dict(zip(calls, cards.ask(*calls), strict=True)) == calls


def test_a_library_that_is_too_old_for_the_binding(cards: Cards, tmp_path: Path) -> None:
    cards.library = build(tmp_path / "older", without=["nvmlInitWithFlags"]).parent
    assert cards.ask("n.nvmlErrorString(15)")[0] == "!13"
    plain = "n._nvmlGetFunctionPointer('{}')()"
    assert cards.ask(plain.format("nvmlInit_v2"), plain.format("nvmlInit"), "n.nvmlDeviceGetCount()")[1:] == [0, 0, 2]
