"""What the shipped check makes of a machine: each limit by itself, and what looks alike on a healthy one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.verdict import Verdict
from opskit.probes.machine import Disk, Kernel, Machine, Owner, Queue
from tests.probes.asking import AT, replay

G = 1_000_000_000
DISK = Disk("/", 100 * G, 50 * G, "/", "ext4", 45 * G, 1000, 500)
WELL = Machine(
    64 * G,
    40 * G,
    8 * G,
    0,
    16,
    1.0,
    [DISK],
    [],
    [Queue(18789, 0, 511)],
    [Owner(18789, 30, 1024)],
    kernel=Kernel(0.0, 10, 1000, 900, 90000, synchronized=True, clock_error_s=0.01, time_service="chronyd"),
)


def verdict(machine: Machine) -> Verdict:
    reading = replay("host", msgspec.json.encode(machine), gateway="http://127.0.0.1:18789")
    return evaluate(checks.load().good["host-resources"], reading, AT)


def state(**changes: Any) -> str:
    return verdict(msgspec.structs.replace(WELL, **changes)).status.value


def kernel(**changes: Any) -> Kernel:
    assert WELL.kernel is not None
    return msgspec.structs.replace(WELL.kernel, **changes)


def disk(**changes: Any) -> list[Disk]:
    return [DISK, msgspec.structs.replace(DISK, mount="/data", **changes)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"memory_available": 5 * G}, "warning"),
        ({"memory_available": 2 * G}, "critical"),
        ({"kernel": kernel(memory_stalled_pct=30.0)}, "warning"),
        ({"kernel": kernel(memory_stalled_pct=60.0)}, "critical"),
        ({"swap_used": 7 * G, "memory_available": 9 * G}, "warning"),
        ({"disks": disk(free=5 * G, used=90 * G)}, "warning"),
        ({"disks": disk(free=2 * G, used=93 * G)}, "critical"),
        ({"disks": disk(inodes_free=50)}, "warning"),
        ({"disks": disk(inodes_free=10)}, "critical"),
        ({"owners": [Owner(18789, 900, 1024)]}, "warning"),
        ({"owners": [Owner(18789, 30, 1024), Owner(18789, 1024, 1024)]}, "critical"),
        ({"queues": [Queue(18789, 300, 511)]}, "warning"),
        ({"queues": [Queue(18789, 512, 511)]}, "critical"),
        ({"kernel": kernel(tracked=900)}, "warning"),
        ({"kernel": kernel(tracked=1000)}, "critical"),
        ({"kernel": kernel(files=80000)}, "warning"),
        ({"kernel": kernel(synchronized=False)}, "warning"),
        ({"memory_total": 0}, "unknown"),
        ({"disks": disk(failed="Stale file handle")}, "unknown"),
        ({"disks": []}, "unknown"),
        ({"kernel": kernel(memory_stalled_pct=None, failed={"memory_stalled_pct": "Permission denied"})}, "unknown"),
        ({"kernel": kernel(tracked=None, failed={"tracked": "Permission denied"})}, "unknown"),
    ],
)
def test_each_limit_by_itself_changes_the_state(changes: dict[str, Any], expected: str) -> None:
    assert state() == "ok"
    assert state(**changes) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"swap_used": 8 * G},
        {"swap_total": 0},
        {"disks": disk(total=8000 * G, free=160 * G, used=7840 * G)},
        {"disks": disk(free=0, used=100 * G, read_only=True, kind="squashfs")},
        {"disks": disk(total=0, free=0, used=0, kind="overlay", inodes=0)},
        {"disks": disk(inodes=0, inodes_free=0, kind="btrfs")},
        {"disks": disk(total=4 * G, free=3 * G, used=G, kind="tmpfs", inodes=0)},
        {"kernel": Kernel()},
        {"kernel": None, "queues": None, "owners": None},
        {"kernel": kernel(synchronized=False, time_service=None)},
        {"owners": [Owner(18789, 900000, None)]},
        {"load": 16.0},
    ],
)
def test_a_healthy_host_that_looks_alike_alarms_nobody(changes: dict[str, Any]) -> None:
    assert state(**changes) == "ok"


def test_a_violation_names_its_subject_and_the_numbers() -> None:
    full = msgspec.structs.replace(WELL, disks=disk(free=2 * G, used=93 * G))
    assert str(verdict(full).items[0].text) == "/data: the disk is nearly full (2.0 GB are free)"


def test_limits_are_facts_too() -> None:
    full = msgspec.structs.replace(WELL, queues=[Queue(18789, 9, 511)], kernel=kernel(memory_stalled_pct=30.0))
    told = replay("host", msgspec.json.encode(full), gateway="http://127.0.0.1:18789").facts
    names = ("memory_stalled_pct", "conntrack_used_pct", "clock_synchronized", "gateway_files_pct", "gateway_waiting")
    assert tuple(told[name] for name in names) == (30.0, 1.0, True, pytest.approx(2.93, abs=0.01), 9)
    assert told["nginx_files_pct"] is None
    bare = msgspec.structs.replace(WELL, kernel=None, owners=None, queues=None)
    unknown = replay("host", msgspec.json.encode(bare), gateway="http://127.0.0.1:18789").facts
    assert {unknown[name] for name in names} == {None}
