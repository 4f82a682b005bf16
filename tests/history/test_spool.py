"""What the history cannot take waits in a file: whole, in order, from several processes, and through sudden deaths."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from opskit.history.spool import Spool, Spooled
from opskit.history.store import HistoryError
from tests.history.builders import make_verdict

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from opskit.history.spool import Spool, Spooled
from tests.history.builders import make_verdict
spool = Spool(Path(sys.argv[1]), Path(sys.argv[1] + ".spare"))
for at in range(int(sys.argv[2]), int(sys.argv[2]) + int(sys.argv[3])):
    spool.add(Spooled(make_verdict(float(at)), 0.5))
    print(at, flush=True)
"""


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "history.db.spool", tmp_path / "spare")


def run(at: float) -> Spooled:
    return Spooled(make_verdict(at), 0.25)


def emptied(spool: Spool) -> list[Spooled]:
    found = list[Spooled]()
    spool.empty_into(found.append)
    return found


def writer(path: Path, first: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_runs_come_back_whole_and_in_the_order_in_which_they_were_measured(spool: Spool):
    assert (spool.is_empty, spool.waiting()) == (True, 0)
    for at in (3.0, 1.0, 2.0):
        assert spool.add(run(at)) == spool.paths[0]
    assert (spool.is_empty, spool.waiting()) == (False, 3)
    assert emptied(spool) == [run(1.0), run(2.0), run(3.0)]
    assert (spool.is_empty, emptied(spool)) == (True, [])


def test_what_is_not_taken_stays(spool: Spool):
    for at in (1.0, 2.0):
        spool.add(run(at))
    seen = list[Spooled]()

    def take(one: Spooled) -> None:
        if seen:
            raise RuntimeError
        seen.append(one)

    with pytest.raises(RuntimeError):
        spool.empty_into(take)
    assert emptied(spool) == [run(1.0), run(2.0)]


def test_a_broken_line_costs_only_itself_and_is_kept_aside(spool: Spool):
    spool.add(run(1.0))
    with spool.paths[0].open("ab") as file:
        file.write(b'{"verdict": 7}\n\xff\xfe\n{"half')
    spool.add(run(2.0))
    found = list[Spooled]()
    assert spool.empty_into(found.append) == (2, 3)
    assert found == [run(1.0), run(2.0)]
    aside = spool.paths[0].with_name("history.db.spool.broken")
    assert aside.read_bytes() == b'{"verdict": 7}\n\xff\xfe\n{"half\n'


def test_where_the_folder_cannot_be_written_the_spare_one_is_used(tmp_path: Path):
    spool = Spool(tmp_path / "none" / "history.db.spool", tmp_path / "spare")
    assert spool.add(run(1.0)) == tmp_path / "spare" / "history.db.spool"
    assert (tmp_path / "spare").stat().st_mode & 0o777 == 0o700
    assert emptied(spool) == [run(1.0)]


def test_a_spare_folder_that_others_may_write_is_not_used(tmp_path: Path):
    spare = tmp_path / "spare"
    spare.mkdir()
    spare.chmod(0o777)
    spool = Spool(tmp_path / "none" / "history.db.spool", spare)
    with pytest.raises(HistoryError, match=f"{spare}/history.db.spool: this run cannot be kept either: {spare} is"):
        spool.add(run(1.0))
    assert list(spare.iterdir()) == []


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path):
    aim = tmp_path / "aim"
    (tmp_path / "history.db.spool").symlink_to(aim)
    spool = Spool(tmp_path / "history.db.spool", tmp_path / "spare")
    assert spool.add(run(1.0)) == tmp_path / "spare" / "history.db.spool"
    assert not aim.exists()


def test_a_full_disk_leaves_whole_lines_only(spool: Spool):
    spool.add(run(1.0))
    size = spool.paths[0].stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        # The kernel writes what fits and no more, as on a disk that is full.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 40, before[1]))
        spool.paths[1].parent.mkdir(mode=0o500)
        with pytest.raises(HistoryError, match="cannot be kept either"):
            _add_to_first(spool)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert spool.paths[0].stat().st_size == size
    assert emptied(spool) == [run(1.0)]


def _add_to_first(spool: Spool) -> None:
    spool.paths = (spool.paths[0], spool.paths[0].with_name("none") / "x" / "y")
    spool.add(run(2.0))


def test_several_processes_add_at_once_while_another_takes(tmp_path: Path):
    path = tmp_path / "history.db.spool"
    spool, found = Spool(path, tmp_path / "spare"), list[float]()
    writers = [writer(path, 1000 * number, 200) for number in range(3)]
    while any(one.poll() is None for one in writers):
        found += [one.verdict.at for one in emptied(spool)]
    assert [(one.communicate()[1], one.returncode) for one in writers] == [("", 0)] * 3
    found += [one.verdict.at for one in emptied(spool)]
    assert sorted(found) == [float(1000 * number + at) for number in range(3) for at in range(200)]


def test_what_a_killed_writer_acknowledged_is_there(tmp_path: Path):
    path, chance, first = tmp_path / "history.db.spool", random.Random(3), 0
    acknowledged = set[float]()
    for _ in range(5):
        victim = writer(path, first, 1_000_000)
        assert victim.stdout is not None
        told = [int(victim.stdout.readline()) for _ in range(chance.randrange(1, 200))]
        os.kill(victim.pid, signal.SIGKILL)
        rest, _ = victim.communicate(timeout=30)
        told += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
        acknowledged |= {float(at) for at in told}
        first = told[-1] + 2
    taken = list[Spooled]()
    _, broken = Spool(path, tmp_path / "spare").empty_into(taken.append)
    assert acknowledged <= {one.verdict.at for one in taken}
    assert broken <= 5
