"""What the kernel tells: this one's own files, and folders that look like those of other kernels."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from opskit.probes.kernel_state import kernel_notes, kernel_samples, kernel_state, why_no_value
from opskit.probes.machine import Kernel
from opskit.probes.process_table import processes
from tests.probes.asking import as_nobody

PSI = "some avg10=1.00 avg60=12.50 avg300=0.10 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A proc file system that has everything."""
    files = {
        "pressure/memory": PSI,
        "sys/net/netfilter/nf_conntrack_count": "900\n",
        "sys/net/netfilter/nf_conntrack_max": "1000\n",
        "sys/fs/file-nr": "1000\t0\t4000\n",
        "1/stat": "1 (systemd) S 0 1 1 0 -1\n",
        "77/stat": "77 (chronyd) S 1 77 77 0 -1\n",
        "78/stat": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def values(kernel: Kernel) -> dict[str, float | None]:
    return {sample.metric: sample.value for sample in kernel_samples(kernel, 0.0)}


def test_this_kernel_is_read_by_anybody(tmp_path: Path) -> None:
    assert kernel_state({}).files == pytest.approx(kernel_state({}).files, rel=0.5)
    told = as_nobody(tmp_path, "opskit.probes.kernel_state", "kernel_state({}).files > 0, kernel_state({}).failed")
    assert told.strip() == "(True, {})"


def test_everything_that_is_there_is_a_series(proc: Path) -> None:
    found = values(kernel_state(processes(proc), proc))
    assert (found["memory_stalled_pct"], found["conntrack_used_pct"], found["system_files_used_pct"]) == (12.5, 90, 25)
    assert kernel_state(processes(proc), proc).time_service == "chronyd"


@pytest.mark.parametrize("missing", ["pressure", "sys/net"])
def test_what_a_kernel_does_not_have_is_not_there_and_no_fault(proc: Path, missing: str) -> None:
    shutil.rmtree(proc / missing)
    kernel = kernel_state(processes(proc), proc)
    gone = {"pressure": "memory_stalled_pct", "sys/net": "conntrack_used_pct"}[missing]
    assert gone not in values(kernel)
    assert kernel.failed == {}


@pytest.mark.parametrize(
    ("path", "metric"),
    [
        ("pressure/memory", "memory_stalled_pct"),
        ("sys/net/netfilter/nf_conntrack_max", "conntrack_used_pct"),
        ("sys/fs/file-nr", "system_files_used_pct"),
    ],
)
def test_what_is_there_and_makes_no_sense_is_not_known_and_never_zero(proc: Path, path: str, metric: str) -> None:
    (proc / path).write_text("?\n")
    kernel = kernel_state(processes(proc), proc)
    assert values(kernel)[metric] is None
    assert "unexpected content" in str(why_no_value(kernel)[metric])


def test_what_may_not_be_read_is_not_known(proc: Path) -> None:
    (proc / "pressure" / "memory").chmod(0)
    told = as_nobody(proc, "opskit.probes.kernel_state", f"kernel_state({{}}, Path('{proc}')).failed")
    assert told.strip() == "{'memory_stalled_pct': 'Permission denied'}"


def test_a_table_without_a_limit_cannot_be_full() -> None:
    assert "conntrack_used_pct" not in values(Kernel(tracked=5, tracked_limit=0))


def test_a_clock_is_accused_only_where_somebody_here_is_to_keep_it() -> None:
    alone, kept = Kernel(synchronized=False), Kernel(synchronized=False, time_service="chronyd")
    good = Kernel(synchronized=True, clock_error_s=0.02)
    assert "clock_synchronized" not in values(alone)
    assert "cannot be told" in str(kernel_notes(alone)[0])
    assert values(kept) == {"clock_synchronized": 0}
    assert values(good) == {"clock_synchronized": 1, "clock_error_s": 0.02}
    assert kernel_notes(kept) == kernel_notes(good) == ()
