"""Processes and their families, from /proc: this one's own, and a folder that looks like it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil

from opskit.probes.process_table import Entry, family, processes

NESTED = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"


def test_a_family_is_what_psutil_says_it_is() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", NESTED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        table = processes()
        expected = [child.pid, *(each.pid for each in psutil.Process(child.pid).children(recursive=True))]
        assert family(table, child.pid) == expected
        assert len(expected) == 2
        assert table[child.pid].parent == os.getpid()
        assert table[child.pid].name == psutil.Process(child.pid).name()
        child.communicate("\n")


def test_a_name_may_hold_anything_and_whoever_has_ended_is_not_there(tmp_path: Path) -> None:
    stats = {"7": b"7 (a) S 9 (b\xff) S 1 7 7", "8": b"", "9": b"9 (", "x": b"10 (x) S 1 1"}
    for name, told in stats.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "stat").write_bytes(told)
    (tmp_path / "11").mkdir()
    assert processes(tmp_path) == {7: Entry("a) S 9 (b\ufffd", 1)}


def test_a_process_without_children_is_its_whole_family() -> None:
    assert family({}, 5) == [5]
