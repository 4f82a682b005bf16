"""What cards say of themselves and what the driver reports of them: each incident once, and old ones accuse nobody."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from opskit.lab import kernel as texts_of
from opskit.model.message import say
from opskit.model.status import Status
from opskit.probes import gpu_inventory, xid
from opskit.probes.base import LateError, ProbeError
from opskit.probes.gpu_ask import _BUSY, _HUNG
from opskit.probes.xid import Sighting
from tests.probes.asking import AT, NOW, value
from tests.probes.joined import FIRST, NOBODY, Told, card, inventory, judge, reading, texts

BOOT = texts_of.boot(NOW - timedelta(days=3))
UNSUPPORTED, BROKEN = {"code": 3, "text": "Not Supported"}, {"code": 999, "text": "Unknown Error"}
LINE = "NVRM: Xid (PCI:0000:17:00): {}, pid=2417, name=llama-server, something happened"


def log(*lines: str, ago: float = 60, boot: str = BOOT) -> bytes:
    return (boot + texts_of.short_iso(NOW - timedelta(seconds=ago), list(lines))).encode()


def look(gpu: Told, kernel: Told) -> dict[str, Told]:
    return {"gpu": gpu, "kernel": kernel}


def one(**changes: Any) -> bytes:
    return inventory(card(**changes))


QUIET = BOOT.encode()


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, Status.OK, ""),
        ({"ecc_uncorrected": 3, "ecc_corrected": 9}, Status.CRITICAL, "3 uncorrectable and 9 corrected"),
        ({"ecc_uncorrected": None, "errors": {"ecc_uncorrected": UNSUPPORTED}}, Status.OK, ""),
        ({"ecc_uncorrected": None, "errors": {"ecc_uncorrected": BROKEN}}, Status.UNKNOWN, "Unknown Error"),
        ({"remapped_rows": [4, 2, 0, 0]}, Status.OK, ""),
        ({"remapped_rows": [4, 2, 1, 0]}, Status.WARNING, "2 rows remapped after uncorrectable errors, 4 after"),
        ({"remapped_rows": [4, 2, 0, 1]}, Status.CRITICAL, "have it replaced"),
        ({"remapped_rows": [1]}, Status.OK, ""),
        ({"retired_pending": 1}, Status.WARNING, "retired"),
        ({"unrepairable": 1}, Status.CRITICAL, "cannot be repaired"),
        ({"recovery_action": 1}, Status.CRITICAL, "reset the GPU"),
        ({"recovery_action": 5}, Status.CRITICAL, "action 5"),
        ({"reasons": 0x4}, Status.OK, ""),
        ({"reasons": 0x4, "power_limit_mw": 100_000}, Status.WARNING, "100 W of 150 W"),
        ({"reasons": 0x0, "power_limit_mw": 100_000}, Status.OK, "does not count"),
        ({"reasons": 0x8}, Status.WARNING, "slowed down by the hardware"),
        ({"reasons": 0x48}, Status.CRITICAL, "thermal throttling"),
        ({"reasons": 0x88}, Status.CRITICAL, "power brake"),
        ({"reasons": None, "errors": {"reasons": BROKEN}}, Status.UNKNOWN, "Unknown Error"),
        ({"pcie_width": 4, "utilization_pct": 90}, Status.WARNING, "x4 of x16"),
        ({"pcie_width": 8, "utilization_pct": 90}, Status.OK, "pcie_width_pct"),
        ({"pcie_width": 4, "utilization_pct": 3}, Status.OK, ""),
        ({"persistence": 0}, Status.OK, "does not count"),
        ({"persistence": 0, "processes": []}, Status.WARNING, "persistence mode is off"),
        ({"persistence": 0, "processes": None}, Status.UNKNOWN, "no value for clients"),
    ],
)
def test_what_a_card_says_of_itself(changes: dict[str, Any], status: Status, words: str) -> None:
    verdict = judge("gpu-health", "gpu_faults", look(one(**changes), QUIET))
    assert verdict.status is status, texts(verdict)
    assert words in texts(verdict)


@pytest.mark.parametrize(
    ("kernel", "status", "words"),
    [
        (
            log(*texts_of.xid_79()),
            Status.CRITICAL,
            f"{FIRST}: the driver reported an error of the GPU (Xid) (Xid 79 at",
        ),
        (log("NVRM: GPU 0000:17:00.0: GPU has fallen off the bus."), Status.CRITICAL, "Xid 79"),
        (
            log("NVRM: GPU at PCI:0000:17:00.0 has fallen off the bus."),
            Status.CRITICAL,
            f"{FIRST}: the driver reported",
        ),
        (log("nvme 0000:03:00.0: device has fallen off the bus"), Status.OK, ""),
        (log(LINE.format(48)), Status.CRITICAL, "double bit"),
        (log(LINE.format(94)), Status.WARNING, "restart it"),
        (log(LINE.format(63)), Status.OK, ""),
        (log(*texts_of.xid_13()), Status.OK, ""),
        (log(LINE.format(999)), Status.WARNING, "not in the table"),
        (log(LINE.format(79), ago=1799), Status.CRITICAL, "2026-11-24 02:30:01+08:00"),
        (log(LINE.format(79), ago=1801), Status.OK, ""),
        (log(LINE.format(79), ago=86400), Status.OK, ""),
        (log(LINE.format(79), ago=-4000), Status.OK, ""),
        (log(LINE.format(79), ago=300) + texts_of.boot(NOW - timedelta(seconds=100)).encode(), Status.OK, ""),
        (b"".join(log(LINE.format(31), ago=ago) for ago in (900, 600, 300)), Status.WARNING, "3 such reports"),
        (b"".join(log(LINE.format(31), ago=ago) for ago in range(300, 60, -3)), Status.WARNING, "such reports"),
        (log(LINE.format(79)) + texts_of.boot(NOW + timedelta(days=9)).encode(), Status.CRITICAL, "Xid 79"),
        # A file of syslog has lines of everybody, and who quotes the kernel is not the kernel.
        (log(LINE.format(79)).replace(b" kernel: NVRM", b" bob[77]: NVRM"), Status.OK, ""),
        (log(LINE.format(79)).replace(b" kernel: NVRM", b" bob: kernel: NVRM"), Status.OK, ""),
        (
            log(LINE.format(79), ago=300) + texts_of.boot(NOW).replace(" kernel: ", " bob[77]: ").encode(),
            Status.CRITICAL,
            "Xid 79",
        ),
        (NOBODY, Status.UNKNOWN, "there is no such file"),
        (b"", Status.UNKNOWN, "is empty"),
        (b"[ 12.5] " + LINE.format(79).encode() + b"\n", Status.UNKNOWN, "no time of day"),
    ],
)
def test_what_the_driver_reports(kernel: Told, status: Status, words: str) -> None:
    verdict = judge("gpu-health", "gpu_faults", look(one(), kernel), kernel={"source": "/var/log/kern.log"})
    assert verdict.status is status, texts(verdict)
    assert words in texts(verdict)


BLANKS = [(1 << 32) - 1, (1 << 64) - 1, (1 << 63) - 14, -1]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize(
    "field",
    ["reasons", "power_limit_mw", "pcie_width", "persistence", "ecc_uncorrected", "unrepairable", "recovery_action"],
)
def test_a_number_that_no_card_can_mean_accuses_nobody_and_hides_nothing_else(field: str, blank: int) -> None:
    verdict = judge("gpu-health", "gpu_faults", look(one(**{field: blank}), QUIET))
    assert (verdict.status, f"{field} = {blank}" in texts(verdict)) == (Status.UNKNOWN, True), texts(verdict)
    worse = judge("gpu-health", "gpu_faults", look(one(**{field: blank, "retired_pending": 1}), QUIET))
    assert worse.status is Status.WARNING, texts(worse)


@pytest.mark.parametrize("blank", BLANKS)
def test_blanks_in_lists_and_structures_are_no_values_either(blank: int) -> None:
    rows = judge("gpu-health", "gpu_faults", look(one(remapped_rows=[0, 0, blank, 0]), QUIET))
    assert rows.status is Status.UNKNOWN
    memory = {"version": 2, "total": 24_000_000_000, "used": blank}
    told = msgspec.convert(card(memory=memory, temperature_c=blank), gpu_inventory.Card)
    assert (told.memory, gpu_inventory.used_pct(told)) == (None, None)
    assert told.temperature_c is None
    process = msgspec.convert({"pid": 1, "used": blank}, gpu_inventory.Process)
    assert process.used is None


def test_what_is_old_or_only_a_programs_fault_is_mentioned() -> None:
    told = reading("gpu_faults", look(one(), log(LINE.format(79), ago=80_000) + log(*texts_of.xid_13())))
    first, second = map(str, told.notes)
    assert first.startswith("Xid 13 at 2026-11-24 02:59:00+08:00: a program made the graphics engine fail")
    assert second == "Xid 79 at 2026-11-23 04:46:40+08:00 is too long ago to count"
    assert told.facts["xids"] == 1


def test_kernel_and_nvml_tell_one_incident_once() -> None:
    heard = {"events": [{"xid": 48, "index": 0, "at": AT - 1}, {"xid": 48, "index": 1, "at": AT - 1}]}
    both = inventory(card(), card(1), **heard)
    told = reading("gpu_faults", look(both, log(LINE.format(48), ago=2)))
    assert told.facts["xids"] == 2  # one for each card
    assert value(told, "xid_level", gpu=FIRST) == 2
    assert [proof.source for proof in told.evidence["xids"]] == ["/var/log/kernel", "NVML events", "NVML events"]


def test_what_nvml_hears_counts_where_the_log_is_closed() -> None:
    told = look(inventory(card(), card(1), events=[{"xid": 94, "index": 0, "at": 1e300}]), NOBODY)
    verdict = judge("gpu-health", "gpu_faults", told)
    assert verdict.status is Status.WARNING
    assert "restart it" in texts(verdict)
    assert "no such file" in texts(verdict)  # of the other card nothing is known


@pytest.mark.parametrize("template", [_HUNG, _BUSY])
def test_a_driver_that_hangs_is_critical_here_and_the_log_still_counts(template: Any) -> None:
    hung = LateError(type(template)(template.template, {"stage": "nvmlInit", "seconds": 20}))
    verdict = judge("gpu-health", "gpu_faults", look(hung, log(LINE.format(119))))
    assert verdict.status is Status.CRITICAL
    assert "the driver hangs" in texts(verdict)
    assert "Xid 119" in texts(verdict)
    slow = LateError(say("the NVML reader did not start within {seconds} s", seconds=20))
    assert judge("gpu-health", "gpu_faults", look(slow, QUIET)).status is Status.UNKNOWN


def test_a_host_without_nvidia_is_unknown_and_where_cards_are_expected_critical() -> None:
    told = look(inventory(init_error={"code": 12, "text": "x"}), QUIET)
    assert judge("gpu-health", "gpu_faults", told, expected=None).status is Status.UNKNOWN
    assert judge("gpu-health", "gpu_faults", told, expected=2).status is Status.CRITICAL
    assert judge("gpu-health", "gpu_faults", look(ProbeError(say("x")), NOBODY)).status is Status.UNKNOWN


def test_the_table_is_whole_and_in_both_languages() -> None:
    table = xid.table()
    assert {13, 31, 43, 45, 46, 48, 62, 63, 64, 74, 79, 92, 94, 95, 109, 119, 120, 140, 143, 154} <= set(table)
    assert all(row.means.en and row.means.zh and not row.means.zh.isascii() for row in table.values())


def test_episodes_are_told_apart_by_time_card_and_number() -> None:
    def seen(number: int, at: float, device: str = "a") -> Sighting:
        return Sighting(number, at, device, "", "log")

    found = xid.episodes([seen(13, 0), seen(13, 4), seen(13, 8), seen(13, 20), seen(13, 20, "b"), seen(31, 20)])
    assert [(one.xid, one.at, one.device) for one in found] == [
        (13, 0, "a"), (13, 20, "a"), (13, 20, "b"), (31, 20, "a"),
    ]  # fmt: skip
