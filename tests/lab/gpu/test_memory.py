"""Memory and processes: what the card has in use with other tenants on it, and when the writer of its load is dead."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.lab.gpu.cards import Cards

V1 = "(lambda m: [m.total, m.used, m.free])(n.nvmlDeviceGetMemoryInfo(h(0)))"
V2 = "(lambda m: [m.total, m.used, m.free, m.reserved])(n.nvmlDeviceGetMemoryInfo(h(0), n.nvmlMemory_v2))"
USED = "n.nvmlDeviceGetMemoryInfo(h(0), n.nvmlMemory_v2).used"
PROCESSES = "[[p.pid, p.usedGpuMemory] for p in n.nvmlDeviceGetComputeRunningProcesses(h(0))]"
FOREIGN = {"gpu0.foreign_used": 9_000_000_000, "gpu0.foreign_procs": "4242:9000000000"}
GB = 1_000_000_000


def test_the_versions_differ_by_what_is_reserved(cards: Cards) -> None:
    cards.set(**{"gpu0.mem_total": 1000, "gpu0.mem_reserved": 30, "gpu0.mem_used": 600})
    assert cards.ask(V1, V2) == [[1000, 630, 370], [1000, 600, 370, 30]]


def test_processes_by_every_name_of_the_call(cards: Cards) -> None:
    cards.set(**{"gpu0.procs": "1234:20000000000,77:-", "gpu0.graphics_procs": "88:5", "gpu1.procs": "-"})
    of = "[[p.pid, p.usedGpuMemory] for p in n.nvmlDeviceGet{}RunningProcesses{}(h({}))]"
    compute = [[1234, 20 * GB], [77, None]]
    expected = {of.format("Compute", version, 0): compute for version in ("", "_v2", "_v3")}
    expected |= {of.format("Graphics", version, 0): [[88, 5]] for version in ("", "_v2", "_v3")}
    expected |= {of.format("MPSCompute", "", 0): [], of.format("Compute", "", 1): []}
    assert dict(zip(expected, cards.ask(*expected), strict=True)) == expected


def test_utilization_of_each_process(cards: Cards) -> None:
    cards.set(**{"gpu0.proc_util": "1234:96:71:0:0,4242:3:1:0:0"})
    of = "[[s.pid, s.smUtil, s.memUtil] for s in n.nvmlDeviceGetProcessUtilization(h({}), {})]"
    future = "int((time.time() + 60) * 1e6)"
    answers = cards.ask(of.format(0, 0), of.format(0, future), of.format(1, 0))
    assert answers == [[[1234, 96, 71], [4242, 3, 1]], "!6", "!6"]


def test_other_tenants_are_there_before_anything_is_loaded(cards: Cards) -> None:
    assert cards.set(**FOREIGN).ask(USED, PROCESSES) == [9 * GB, [[4242, 9 * GB]]]


def test_a_writer_that_does_not_know_the_other_tenants_yet(cards: Cards) -> None:
    cards.set(**FOREIGN).load(**{"gpu0.mem_used": 10 * GB, "gpu0.procs": "1234:10000000000"})
    assert cards.ask(USED, PROCESSES) == [19 * GB, [[1234, 10 * GB], [4242, 9 * GB]]]


def test_other_tenants_that_the_writer_has_counted_are_not_added_again(cards: Cards) -> None:
    cards.set(**FOREIGN).load(**{"gpu0.mem_used": 19 * GB, "gpu0.procs": "4242:9000000000,1234:10000000000"})
    assert cards.ask(USED, PROCESSES) == [19 * GB, [[4242, 9 * GB], [1234, 10 * GB]]]


def test_a_card_holds_no_more_than_it_has(cards: Cards) -> None:
    cards.set(**FOREIGN).load(**{"gpu0.mem_used": 21 * GB})
    assert cards.ask(V2) == [[24_146_608_128, 24_146_608_128 - 276_824_064, 0, 276_824_064]]


def test_the_fault_file_has_the_last_word(cards: Cards) -> None:
    cards.load(owner=os.getpid(), **{"gpu0.mem_used": 10 * GB}).set(**{"gpu0.mem_used": 23 * GB})
    assert cards.ask(USED) == [23 * GB]


@pytest.mark.parametrize("reaped", [True, False], ids=["gone", "zombie"])
def test_the_load_of_a_dead_writer_does_not_count(cards: Cards, reaped: bool) -> None:
    writer = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    loaded = {"gpu0.mem_used": 19 * GB, "gpu0.procs": "4242:9000000000,1234:10000000000", "gpu0.util_gpu": 96}
    cards.set(**FOREIGN).load(**loaded, owner=writer.pid)
    util = "n.nvmlDeviceGetUtilizationRates(h(0)).gpu"
    try:
        assert cards.ask(USED, util) == [19 * GB, 96]
    finally:
        writer.kill()
        if reaped:
            writer.wait()
        else:
            time.sleep(0.2)
    assert cards.ask(USED, util, PROCESSES) == [9 * GB, 0, [[4242, 9 * GB]]]
    # A runner that outlived it keeps its memory.
    assert cards.load(**loaded, owner=f"{writer.pid},{os.getpid()}").ask(USED) == [19 * GB]
    writer.wait()


def test_names_of_processes_that_are_not_real(cards: Cards) -> None:
    cards.set(**{"process.4242": "/usr/bin/train", "process.5": "!4"})
    assert cards.ask("n.nvmlSystemGetProcessName(4242)", "n.nvmlSystemGetProcessName(5)") == ["/usr/bin/train", "!4"]
