"""What the unmodified binding reads from healthy cards and from changed ones."""

from __future__ import annotations

import pytest

from tests.lab.gpu.cards import Cards

SECOND = "GPU-00000001-5a11-4c0d-9e57-00000000a101"

HOST = {
    "n.nvmlDeviceGetCount()": 2,
    "n.nvmlSystemGetDriverVersion()": "580.95.05",
    "n.nvmlSystemGetNVMLVersion()": "13.580.95.05",
    "[n.nvmlSystemGetCudaDriverVersion(), n.nvmlSystemGetCudaDriverVersion_v2()]": [13000, 13000],
    "n.nvmlSystemGetProcessName(__import__('os').getpid()).rpartition('/')[2].startswith('python')": True,
    "n.nvmlSystemGetProcessName(4194305)": "!6",  # above the highest pid of Linux
}
IDENTITY = {
    "n.nvmlDeviceGetName(h(1))": "NVIDIA A10",
    "n.nvmlDeviceGetUUID(h(1))": SECOND,
    "n.nvmlDeviceGetSerial(h(1))": "1321922000001",
    "n.nvmlDeviceGetVbiosVersion(h(0))": "94.02.75.00.01",
    "n.nvmlDeviceGetBoardPartNumber(h(0))": "900-2G133-0000-000",
    f"n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleByUUID('{SECOND}'))": 1,
    "n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleBySerial(b'1321922000001'))": 1,
    "n.nvmlDeviceGetIndex(n.nvmlDeviceGetHandleByPciBusId('0000:18:00.0'))": 1,
    "n.nvmlDeviceGetHandleByUUID('GPU-none')": "!6",
    "n.nvmlDeviceGetPciInfo(h(1)).busId": "00000000:18:00.0",
    "hex(n.nvmlDeviceGetPciInfo(h(0)).pciDeviceId)": "0x223610de",
    "n.nvmlDeviceGetMinorNumber(h(1))": 1,
    "n.nvmlDeviceGetCudaComputeCapability(h(0))": [8, 6],
    "n.nvmlDeviceGetArchitecture(h(0)) == n.NVML_DEVICE_ARCH_AMPERE": True,
    "n.nvmlDeviceGetBrand(h(0)) == n.NVML_BRAND_NVIDIA": True,
    "n.nvmlDeviceGetPersistenceMode(h(0))": 1,
    "n.nvmlDeviceGetComputeMode(h(0))": 0,
    "n.nvmlDeviceGetDriverModel(h(0))": "!3",  # of Windows
    "n.nvmlDeviceGetMigMode(h(0))": "!3",
    "n.nvmlDeviceGetGspFirmwareMode(h(0))": [1, 1],
    "n.nvmlDeviceGetGspFirmwareVersion(h(0)).decode()": "580.95.05",
    "[n.nvmlDeviceGetCurrPcieLinkGeneration(h(0)), n.nvmlDeviceGetMaxPcieLinkGeneration(h(0))]": [4, 4],
    "[n.nvmlDeviceGetCurrPcieLinkWidth(h(0)), n.nvmlDeviceGetMaxPcieLinkWidth(h(0))]": [16, 16],
    "n.nvmlDeviceGetPcieReplayCounter(h(0))": 0,
    "[n.nvmlDeviceGetPcieThroughput(h(0), k) for k in (0, 1)]": [0, 0],
}
WORK = {
    "[n.nvmlDeviceGetTemperature(h(0), 0), n.nvmlDeviceGetTemperatureV(h(0), 0)]": [41, 41],
    "n.nvmlDeviceGetTemperatureV(h(0), 1)": "!2",
    "[n.nvmlDeviceGetTemperatureThreshold(h(0), k) for k in (0, 1, 3)]": [98, 95, 88],
    "n.nvmlDeviceGetTemperatureThreshold(h(0), 5)": "!3",
    "n.nvmlDeviceGetTemperatureThreshold(h(0), 8)": "!2",
    "n.nvmlDeviceGetMarginTemperature(h(0))": "!3",
    "n.nvmlDeviceGetFanSpeed(h(0))": "!3",
    "n.nvmlDeviceGetFanSpeed_v2(h(0), 0)": "!3",
    "n.nvmlDeviceGetNumFans(h(0))": 0,
    "[n.nvmlDeviceGetCurrentClocksEventReasons(h(0)), n.nvmlDeviceGetCurrentClocksThrottleReasons(h(0))]": [1, 1],
    "n.nvmlDeviceGetSupportedClocksEventReasons(h(0)) == n.nvmlClocksEventReasonAll": True,
    "n.nvmlDeviceGetSupportedClocksThrottleReasons(h(0))": 0x1FF,
    "[n.nvmlDeviceGetClockInfo(h(0), k) for k in range(4)]": [1695, 1695, 6251, 1470],
    "[n.nvmlDeviceGetMaxClockInfo(h(0), k) for k in range(4)]": [1695, 1695, 6251, 1500],
    "[n.nvmlDeviceGetClock(h(0), 2, k) for k in (0, 1)]": [6251, 6251],
    "n.nvmlDeviceGetPerformanceState(h(0))": 0,
    "n.nvmlDeviceGetViolationStatus(h(0), n.NVML_PERF_POLICY_THERMAL).violationTime": 0,
    "n.nvmlDeviceGetViolationStatus(h(0), 7)": "!2",
    "n.nvmlDeviceGetPowerUsage(h(0))": 21400,
    "n.nvmlDeviceGetPowerManagementLimitConstraints(h(0))": [100000, 150000],
    "[n.nvmlDeviceGetEnforcedPowerLimit(h(0)), n.nvmlDeviceGetPowerManagementLimit(h(0))]": [150000, 150000],
    "n.nvmlDeviceGetPowerManagementDefaultLimit(h(0))": 150000,
    "n.nvmlDeviceGetTotalEnergyConsumption(h(0))": 184467000,
    "(lambda u: [u.gpu, u.memory])(n.nvmlDeviceGetUtilizationRates(h(0)))": [0, 0],
    "n.nvmlDeviceGetEncoderUtilization(h(0))": [0, 167000],
}
HEALTH = {
    "[n.nvmlDeviceGetEccMode(h(0)), n.nvmlDeviceGetDefaultEccMode(h(0))]": [[1, 1], [1]],
    "[n.nvmlDeviceGetTotalEccErrors(h(0), kind, life) for kind in (0, 1) for life in (0, 1)]": [0, 0, 0, 0],
    "n.nvmlDeviceGetMemoryErrorCounter(h(0), 1, 0, 2)": 0,
    "n.nvmlDeviceGetRemappedRows(h(0))": [0, 0, 0, 0],
    "(lambda banks: [banks.max, banks.none])(n.nvmlDeviceGetRowRemapperHistogram(h(0)))": [96, 0],
    "n.nvmlDeviceGetRetiredPages(h(0), 0)": "!3",
    "n.nvmlDeviceGetRetiredPagesPendingStatus(h(0))": "!3",
    "n.nvmlDeviceGetRepairStatus(h(0))": [0, 0],
    "n.nvmlDeviceGetUnrepairableMemoryFlag_v1(h(0))": 0,
}


@pytest.mark.parametrize("readings", [HOST, IDENTITY, WORK, HEALTH], ids=["host", "identity", "work", "health"])
def test_a_healthy_card_answers(cards: Cards, readings: dict[str, object]) -> None:
    assert dict(zip(readings, cards.ask(*readings), strict=True)) == readings


def test_cards_differ_and_change_under_a_running_reader(cards: Cards) -> None:
    cards.set(**{"gpu1.temp": 70})
    heat = f"open({str(cards.files[2])!r}, 'a').write('gpu1.temp 93\\n')"
    temperatures = "[n.nvmlDeviceGetTemperature(h(k), 0) for k in (0, 1)]"
    assert cards.ask(temperatures, heat, temperatures) == [[41, 70], 13, [41, 93]]


def test_field_values_have_a_type_and_an_outcome_each(cards: Cards) -> None:
    cards.set(**{"gpu0.tlimit_shutdown": -8, "gpu0.tlimit_slowdown": -2, "gpu0.tlimit_max": 0, "gpu0.temp_mem": 59})
    cards.set(**{"gpu0.recovery": 2, "gpu0.throttled_hw_thermal": 6_000_000_000, "gpu0.energy": "!4"})
    signed = "[v.value.siVal for v in n.nvmlDeviceGetFieldValues(h(0), [193, 194, 196])]"
    unsigned = "[v.value.uiVal for v in n.nvmlDeviceGetFieldValues(h(0), [82, 230, (186, 0)])]"
    long = "n.nvmlDeviceGetFieldValues(h(0), [270])[0].value.ullVal"
    kinds = "[[v.valueType, v.nvmlReturn] for v in n.nvmlDeviceGetFieldValues(h(0), [193, 82, 195, 83, 9999])]"
    assert cards.ask(signed, unsigned, long) == [[-8, -2, 0], [59, 2, 21400], 6_000_000_000]
    assert cards.ask(kinds) == [[[5, 0], [1, 0], [5, 3], [3, 4], [0, 3]]]


def test_readings_that_an_a10_does_not_have(cards: Cards) -> None:
    cards.set(**{"gpu0.margin": -2, "gpu0.fans": 2, "gpu0.fan": 63, "gpu0.temp_target": 84, "gpu0.mig": 0})
    cards.set(**{"gpu0.mig_pending": 1, "gpu0.retired_double": 2, "gpu0.retired_pending": 1})
    readings = {
        "n.nvmlDeviceGetMarginTemperature(h(0))": -2,
        "n.nvmlDeviceGetFanSpeed_v2(h(0), 1)": 63,
        "n.nvmlDeviceGetFanSpeed_v2(h(0), 2)": "!2",
        "n.nvmlDeviceGetTemperatureThreshold(h(0), n.NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR)": 84,
        "n.nvmlDeviceGetMigMode(h(0))": [0, 1],
        "len(n.nvmlDeviceGetRetiredPages(h(0), 1))": 2,
        "n.nvmlDeviceGetRetiredPagesPendingStatus(h(0))": 1,
    }
    assert dict(zip(readings, cards.ask(*readings), strict=True)) == readings


def test_a_key_that_is_not_there_is_not_supported(cards: Cards) -> None:
    assert cards.without("temp").ask("n.nvmlDeviceGetTemperature(h(0), 0)", "n.nvmlDeviceGetPowerUsage(h(0))") == [
        "!3",
        21400,
    ]
