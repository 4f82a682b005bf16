"""The GPU probe over the unmodified binding and a compiled stand-in of NVIDIA's library."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from opskit.app.observe import Live, job
from opskit.app.observe import observe as observed
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.lab.gpu.library import build
from opskit.model.settings import GpuSettings, Settings, Stack
from opskit.model.status import Status
from opskit.model.verdict import Verdict
from opskit.probes.base import LateError, ProbeError
from tests.probes.asking import ask, collect, replay, series, value
from tests.probes.cards import Cards

FIRST, SECOND = (f"GPU-0000000{n}-5a11-4c0d-9e57-00000000a10{n}" for n in (0, 1))
MIB = 1 << 20


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("nvml")).parent


@pytest.fixture
def nvml(library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cards:
    """One healthy card, seen by the processes that are started from now on."""
    state = Cards(tmp_path / "nvml.state")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(library))
    monkeypatch.setenv("OPSKIT_NVML_STATE", str(state.path))
    return state


def test_a_healthy_card(nvml: Cards) -> None:
    reading = ask("gpu", expected=1)
    facts = reading.facts
    assert (facts["count"], facts["missing"], facts["lost"], facts["driver_error"]) == (1, 0, 0, "")
    assert (facts["hottest_c"], facts["headroom_c"], facts["thermal_throttle"]) == (61, 27, False)
    assert (facts["utilization_pct"], value(reading, "power_w", gpu=FIRST)) == (34, 92.4)
    assert not reading.why


def test_two_cards_are_told_apart_by_their_whole_uuid(nvml: Cards) -> None:
    nvml.healthy(2).set(**{"gpu1.temp": 70, "gpu1.util_gpu": 99})
    reading = ask("gpu")
    assert {sample.labels["gpu"] for sample in series(reading, "temperature_c")} == {FIRST, SECOND}
    assert (value(reading, "temperature_c", gpu=FIRST), value(reading, "temperature_c", gpu=SECOND)) == (61, 70)
    assert (reading.facts["hottest_c"], reading.facts["headroom_c"], reading.facts["utilization_pct"]) == (70, 18, 99)
    assert f"{SECOND} 70 C of 88 C" in reading.evidence["hottest_c"][0].text


@pytest.mark.parametrize(
    ("state", "headroom"),
    [
        ({"gpu0.temp": 87, "gpu0.temp_max": 93}, 6),
        ({"gpu0.temp": 87, "gpu0.temp_max": 83}, -4),
        ({"gpu0.temp": 53, "gpu0.margin": 24, "gpu0.temp_max": "!3"}, 24),  # an H100 under load: not 85 - 53
        ({"gpu0.temp": 80, "gpu0.temp_max": "!3"}, 15),  # it slows down at 95
        ({"gpu0.temp": 96, "gpu0.margin": -3, "gpu0.temp_max": "!3"}, -1),  # unreliable: 95 - 96
        ({"gpu0.temp": 86, "gpu0.margin": -3, "gpu0.tlimit_slowdown": -2, "gpu0.temp_max": "!3"}, -3),
        ({"gpu0.temp": 30, "gpu0.margin": 0, "gpu0.tlimit_slowdown": -2, "gpu0.temp_max": "!3"}, 65),
        ({"gpu0.temp": 87, "gpu0.margin": -3, "gpu0.temp_max": "!3", "gpu0.temp_slowdown": "!3"}, -2),
        ({"gpu0.temp": 80, "gpu0.temp_max": "!3", "gpu0.temp_slowdown": "!3"}, 5),
        ({"gpu0.temp": 80, "gpu0.temp_max": 0, "gpu0.temp_slowdown": 255}, 5),  # limits that cannot be one
        ({"gpu0.temp": "!3"}, None),
    ],
)
def test_the_distance_is_to_the_cards_own_limit(nvml: Cards, state: dict[str, str], headroom: float | None) -> None:
    nvml.set(**state)
    assert ask("gpu").facts["headroom_c"] == headroom


def test_the_assumed_limit_is_an_argument(nvml: Cards) -> None:
    nvml.unset("gpu0.temp_max", "gpu0.temp_slowdown")
    assert ask("gpu", assumed_limit_c=70).facts["headroom_c"] == 9


@pytest.mark.parametrize(("reasons", "level"), [("0x4", 0), ("0x20", 1), ("0x40", 2), ("0x68", 2), ("0x8", 0)])
def test_only_heat_counts_as_thermal_throttling(nvml: Cards, reasons: str, level: int) -> None:
    reading = ask("gpu") if nvml.set(**{"gpu0.reasons": reasons}) else None
    assert reading is not None
    assert value(reading, "thermal_throttle") == level
    assert (reading.facts["thermal_throttle"], reading.facts["hardware_thermal"]) == (level > 0, level > 1)


def test_what_the_driver_reserves_is_not_in_use(nvml: Cards) -> None:
    nvml.set(**{"gpu0.mem_total": 1000 * MIB, "gpu0.mem_used": 890 * MIB, "gpu0.mem_reserved": 20 * MIB})
    reading = ask("gpu")
    assert value(reading, "memory_used_pct") == 89
    assert series(reading, "memory_used_bytes")[0].high == 1000 * MIB


def test_the_library_may_stand_in_a_folder_that_the_settings_name(
    nvml: Cards, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LD_LIBRARY_PATH")
    assert ask("gpu", expected=1).facts["missing"] == 1
    assert ask("gpu", expected=1, library=str(library)).facts["missing"] == 0
    assert verdict("gpu-temperature", 1).status is Status.CRITICAL
    assert verdict("gpu-temperature", 1, str(library)).status is Status.OK


def test_an_old_driver_is_asked_in_the_old_way(nvml: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = ("nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetTemperatureV", "nvmlDeviceGetCurrentClocksEventReasons")
    old = build(tmp_path / "old", without=(*gone, "nvmlDeviceGetMarginTemperature")).parent
    monkeypatch.setenv("LD_LIBRARY_PATH", str(old))
    nvml.set(**{"gpu0.mem_total": 1000 * MIB, "gpu0.mem_used": 890 * MIB, "gpu0.mem_reserved": 20 * MIB})
    (raw,) = collect("gpu")
    memory = json.loads(raw.data)["gpus"][0]["memory"]
    assert (memory["version"], memory["reserved"]) == (1, None)
    reading = replay("gpu", (raw,))
    assert (value(reading, "memory_used_pct"), value(reading, "temperature_c")) == (91, 61)
    assert value(reading, "thermal_throttle") == 0
    assert not reading.why  # what the new calls answered is of no interest once the old ones worked


INIT = {9: "driver is not loaded", 12: "is not on this host", 18: "differ in version", 999: "a container has lost"}


def broken(nvml: Cards, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if code == 12:
        monkeypatch.delenv("LD_LIBRARY_PATH")
    else:
        nvml.set(init=f"!{code}")


@pytest.mark.parametrize("code", INIT)
def test_a_driver_that_does_not_work_is_unknown_where_no_card_is_expected(
    nvml: Cards, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(nvml, code, monkeypatch)
    with pytest.raises(ProbeError, match=INIT[code]):
        ask("gpu")


def verdict(check: str, expected: int | None, library: str | None = None) -> Verdict:
    """Run a shipped check as the program does."""
    definition = checks.load(None).good[check]
    settings = Settings(stack=Stack(gpu=GpuSettings(expected, library)))
    asked = job(check, definition.probe, definition.args, definition.timeout, settings, "checks")
    ((_, reading),) = observed([asked], Live())
    return evaluate(definition, reading, 0.0)


@pytest.mark.parametrize("code", INIT)
def test_a_driver_that_does_not_work_is_critical_where_cards_are_expected(
    nvml: Cards, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken(nvml, code, monkeypatch)
    judged = verdict("gpu-memory", 1)
    assert judged.status is Status.CRITICAL
    assert INIT[code] in str(judged.items[0].text)
    reading = ask("gpu", expected=2)
    assert (reading.facts["count"], reading.facts["missing"], reading.facts["lost"]) == (0, 2, None)
    assert reading.facts["driver_error"] != ""
    assert verdict("gpu-memory", None).status is Status.UNKNOWN


def test_a_driver_without_cards_is_not_healthy(nvml: Cards) -> None:
    nvml.set(gpus=0)
    with pytest.raises(ProbeError, match="shows no GPU"):
        ask("gpu")
    assert verdict("gpu-temperature", 1).status is Status.CRITICAL


@pytest.mark.parametrize(("call", "code"), [("handle", "!15"), ("all", "!999"), ("temp", "!15"), ("mem", "!16")])
def test_a_lost_card_hides_no_other(nvml: Cards, call: str, code: str) -> None:
    nvml.healthy(2).set(**{f"gpu0.{call}": code})
    reading = ask("gpu", expected=2)
    facts = reading.facts
    assert (facts["count"], facts["lost"], facts["missing"], facts["hottest_c"]) == (1, 1, 1, 61)
    assert [sample.labels["gpu"] for sample in series(reading, "temperature_c")] == [SECOND]
    assert "GPU 0: " in reading.evidence["lost"][0].text
    assert verdict("gpu-memory", 2).status is Status.CRITICAL


def test_a_card_that_is_not_ours_to_look_at_is_neither_lost_nor_fine(nvml: Cards) -> None:
    nvml.healthy(2).set(**{"gpu0.handle": "!4"})
    reading = ask("gpu", expected=2)
    assert (reading.facts["lost"], reading.facts["missing"]) == (0, 0)
    assert value(reading, "memory_used_pct", gpu="index-0") is None
    assert "Insufficient Permissions" in str(reading.reason("memory_used_pct index-0"))
    assert verdict("gpu-memory", 2).status is Status.UNKNOWN


def test_what_a_card_does_not_have_vanishes_and_what_fails_says_why(nvml: Cards) -> None:
    nvml.set(**{"gpu0.power": "!3", "gpu0.util_gpu": "!13", "gpu0.reasons": "!999", "gpu0.temp": "!4"})
    reading = ask("gpu")
    assert series(reading, "power_w") == series(reading, "utilization_pct") == []
    assert value(reading, "thermal_throttle") is value(reading, "temperature_c") is value(reading, "headroom_c") is None
    assert "Unknown Error" in str(reading.reason(f"thermal_throttle {FIRST}"))
    assert all(reading.reason(name) for name, fact in reading.facts.items() if fact is None)
    assert "?" in reading.evidence["thermal_throttle"][0].text
    assert verdict("gpu-temperature", 1).status is Status.UNKNOWN


@pytest.mark.parametrize(("key", "call"), [("gpu0.temp", "nvmlDeviceGetTemperatureV 0"), ("init", "nvmlInit")])
def test_a_call_that_hangs_is_named_and_leaves_no_process(nvml: Cards, key: str, call: str) -> None:
    nvml.set(**{f"{key}.hang": 30})
    with pytest.raises(LateError, match=f"did not answer {call} within 0.7 s"):
        ask("gpu", 0.7)
    assert not [found for found in children() if "gpu_reader" in found]


def children() -> list[str]:
    """The command lines of this process's children."""
    pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            'echo \'{"stage": "nvmlInit"}\'; echo \'{"inventory": {"gpus": [{\'; exit 1',
            "failed at nvmlInit: exit code 1",
        ),
        ("echo '{broken'; echo 'a library says hello'; echo 'Killed' >&2; exit 137", "failed at start: Killed"),
        ("printf '{\"stage\": 5}\\n[]\\n\\377\\376\\n'", "failed at start: exit code 0"),
        ("echo 'KeyError: token=hush-hush-hush' >&2; exit 1", r"failed at start: KeyError: token=\[redacted\]"),
    ],
)
def test_a_reader_that_prints_garbage_is_an_error_of_the_probe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, words: str
) -> None:
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(fake))
    with pytest.raises(ProbeError, match=words):
        ask("gpu")


def test_a_python_that_is_gone_is_an_error_of_the_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(ProbeError, match="No such file"):
        ask("gpu")


def test_the_reader_borrows_no_module_from_the_present_folder(
    nvml: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pynvml", "msgspec", "opskit"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('hijacked')\n")
    monkeypatch.chdir(tmp_path)
    assert ask("gpu").facts["count"] == 1


def test_inventories_of_another_shape_are_refused() -> None:
    for data in (b"", b"null", b"5", b'{"gpus": 5}', b'{"gpus": [{"index": "x"}]}'):
        with pytest.raises(ProbeError, match="cannot be read"):
            replay("gpu", data)
