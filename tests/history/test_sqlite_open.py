"""Opening the file: how it is made, and the one sentence where it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opskit.history import migrations
from opskit.history.sqlite import SqliteStore, open_store
from opskit.history.store import HistoryError
from opskit.model.status import Status
from tests.history.builders import run

ROOT = Path(__file__).parents[2]


def refused(path: Path) -> str:
    with pytest.raises(HistoryError) as caught:
        open_store(path, 0.0)
    assert caught.value.message.render() == str(caught.value)
    return str(caught.value)


def test_a_fresh_file_has_the_settings_that_a_shared_long_lived_file_needs(store: SqliteStore):
    def pragma(name: str) -> object:
        return store._db.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 1
    assert pragma("busy_timeout") == 5000
    assert pragma("journal_size_limit") == 16 * 1024 * 1024
    assert pragma("auto_vacuum") == 2
    assert pragma("foreign_keys") == 1
    assert pragma("user_version") == len(migrations.STEPS)


def test_file_and_folder_are_closed_to_strangers(path: Path):
    previous = os.umask(0)
    try:
        open_store(path, 0.0).close()
    finally:
        os.umask(previous)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_an_existing_file_is_opened_with_what_it_holds(path: Path):
    with open_store(path, 1.0) as first:
        run(first, 1.0, Status.OK, None)
    with open_store(path, 2.0) as second:
        assert list(second.states()) == ["gpu-temperature"]


def test_when_each_step_of_the_schema_was_applied_is_noted(path: Path):
    open_store(path, 5.0).close()
    open_store(path, 9.0).close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT step, at FROM schema_steps").fetchall() == [
            (number, 5.0) for number in range(1, len(migrations.STEPS) + 1)
        ]
    db.close()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path):
    (tmp_path / "state").write_text("")
    assert refused(tmp_path / "state" / "history.db") == (
        f"The folder {tmp_path}/state for the history cannot be made or used: File exists"
    )


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    assert refused(tmp_path / "file" / "state" / "history.db") == (
        f"The folder {tmp_path}/file/state for the history cannot be made or used: Not a directory"
    )


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder that everybody may enter; `as_stranger` makes it one that this process may not write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)


@contextmanager
def as_stranger(path: Path) -> Iterator[None]:
    """Take away what this process may do with the file and its folder; root has to become somebody else for that."""
    mine = os.geteuid()
    path.parent.chmod(0o555)
    if path.exists():
        path.chmod(0)
    if mine == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(mine)


def test_a_folder_that_may_not_be_written_is_said(locked_folder: Path):
    path = locked_folder / "history.db"
    with as_stranger(path):
        assert refused(path) == f"The history {path} cannot be made: Permission denied"


def test_a_file_that_may_not_be_written_is_said(locked_folder: Path):
    path = locked_folder / "history.db"
    open_store(path, 0.0).close()
    with as_stranger(path):
        assert refused(path) == (
            f"The history {path} cannot be opened for writing: this user must be allowed to write it and its folder"
        )


def test_a_file_that_is_no_database_is_named_and_left_alone(path: Path):
    path.parent.mkdir()
    path.write_bytes(b"a shopping list, not a database\n" * 40)
    before = path.read_bytes()
    assert refused(path) == f"{path} is not a history of opskit: move it away, or set history.path elsewhere"
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_left_alone(path: Path):
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url)")
    other.close()
    before = path.read_bytes()
    assert refused(path) == f"{path} is a database of another program: set history.path elsewhere"
    assert path.read_bytes() == before


def test_a_newer_schema_is_not_touched(path: Path):
    open_store(path, 0.0).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    before = path.read_bytes()
    assert refused(path) == (
        f"The history {path} was written by a newer opskit (schema 99, this one knows {len(migrations.STEPS)}): "
        "upgrade opskit, or set history.path elsewhere"
    )
    assert path.read_bytes() == before


def test_a_damaged_file_is_reported_and_keeps_every_byte(path: Path):
    with open_store(path, 0.0) as store:
        for at in range(300):
            run(store, float(at), Status.OK, Status.OK)
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(HistoryError, match="is damaged; it was left as it is"), open_store(path, 0.0) as store:
        store.latest()
    assert path.read_bytes()[4096:] == content[4096:]


def test_a_full_disk_is_said_and_leaves_the_last_whole_state(store: SqliteStore, path: Path):
    run(store, 1.0, Status.OK, None)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    # SQLite answers a file at its limit exactly as it answers a full disk.
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(HistoryError, match="is full: free some space"):
        _fill(store)
    newest = store.states()["gpu-temperature"].at
    assert store.runs(0, 9e9)[0].last == newest
    assert len(store.samples("gpu-temperature", "temperature_c", newest, newest + 1)) == 3


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1.5 MB; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = ["mount", "-t", "tmpfs", "-o", "size=1500k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(made, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_was_full_takes_all_again_though_a_daemon_keeps_the_file_open(small: Path):
    filler = small / "filler"

    def taken(at: float) -> bool:
        try:
            with open_store(small / "history.db", 0.0) as store:
                run(store, at, Status.OK, Status.OK)
        except HistoryError:
            return False
        return True

    with open_store(small / "history.db", 0.0):
        filler.write_bytes(b"x" * 1000 * 1024)
        assert not all(taken(at) for at in range(1, 300))
        filler.unlink()
        assert all(taken(at) for at in range(300, 1500))


def _fill(store: SqliteStore) -> None:
    for at in range(2, 2000):
        run(store, float(at), Status.OK, Status.OK)


def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch):
    open_store(path, 0.0).close()

    def broken(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE half_done (x)")
        db.execute("CREATE TABLE half_done (x)")

    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, broken))
    assert "half_done" in refused(path)
    monkeypatch.undo()
    with open_store(path, 0.0) as store:
        assert store._db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half_done'").fetchone() == (0,)


def test_processes_that_open_a_fresh_file_at_once_do_not_collide(tmp_path: Path):
    program = (
        "import sys; from pathlib import Path; from opskit.history.sqlite import open_store\n"
        "sys.stdin.readline()\n"
        "for number in range(40):\n"
        "    with open_store(Path(sys.argv[1]) / str(number) / 'history.db', 1.0) as store:\n"
        "        store.heartbeat('me', 1.0)\n"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        _, complaint = racer.communicate(timeout=60)
        assert (racer.returncode, complaint) == (0, "")
