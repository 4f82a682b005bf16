"""Which files a path stands for: by the names that rotation gives, each content once."""

from __future__ import annotations

from pathlib import Path

import pytest

from opskit.logs.files import LogError, blocks
from opskit.logs.rotated import members, sets


def made(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"x\n")
    return folder


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("access.log", "access.log-20261122"),
        ("access.log", "access.log-20261122-1795323600.gz"),  # logrotate: dateformat -%Y%m%d-%s
        ("access.log", "access.log-1795323600"),
        ("access.log", "access.log-202611.gz"),
        ("access.log", "access.log.2026-11-22"),
        ("access.log", "access.log.2026-11-22_13"),  # Python's TimedRotatingFileHandler by H, M and S
        ("access.log", "access.log.2026-11-22_13-05"),
        ("access.log", "access.log.2026-11-22_13-05-59"),
        ("access.log", "access.log.22-11-2026.bz2"),
        ("access.log", "access.log.10.zst"),
        ("gateway.log", "gateway-2026-11-22T10-30-00.000.log.gz"),  # lumberjack
        ("gateway.log", "gateway-20261122.log"),  # logrotate: extension .log
        ("gateway.log", "gateway.1.log.gz"),
    ],
)
def test_a_name_that_rotation_gives_belongs_to_its_log(tmp_path: Path, log: str, name: str) -> None:
    made(tmp_path, log, name)
    assert [path.name for path in members(tmp_path / log)] == [name, log]


@pytest.mark.parametrize(
    "name",
    [
        *("access.log.bak", "access.log~", "access.log.swp", "access.log.offset", "access.log.1.bak", "access.log.old"),
        *("access.log-127.0.0.1", "access.log.1.gz.tmp", "access-prod.log", "my-access.log", "access.log.pid"),
        *("access.log.gz", "access.2.log.bak", "access.txt", "access.log.1.2"),
    ],
)
def test_other_names_do_not(tmp_path: Path, name: str) -> None:
    made(tmp_path, "access.log", name)
    assert [path.name for path in members(tmp_path / "access.log")] == ["access.log"]


def test_two_spellings_of_one_date_are_two_files_and_a_compressed_twin_is_none(tmp_path: Path) -> None:
    names = ["access.log-20261122.gz", "access.log.2026-11-22", "access.log.2026-11-22.gz", "access.log"]
    made(tmp_path, *names)
    found = [path.name for path in members(tmp_path / "access.log")]
    assert sorted(found) == ["access.log", "access.log-20261122.gz", "access.log.2026-11-22"]
    assert found[-1] == "access.log"


def test_a_directory_is_no_member_and_a_link_to_nowhere_says_so(tmp_path: Path) -> None:
    made(tmp_path, "access.log")
    (tmp_path / "access.log.1").mkdir()
    (tmp_path / "access.log.2").symlink_to("gone")
    found = members(tmp_path / "access.log")
    assert [path.name for path in found] == ["access.log.2", "access.log"]
    with pytest.raises(LogError, match="a link to nowhere, there is no such file"):
        list(blocks(found[0]))


def test_a_link_stands_for_the_set_of_its_file_too(tmp_path: Path) -> None:
    data = made(tmp_path / "data", "access.log", "access.log.1", "access.log.2.gz")
    link = tmp_path / "access.log"
    link.symlink_to(data / "access.log")
    assert members(link) == [data / "access.log.2.gz", data / "access.log.1", link]


def test_a_link_to_the_youngest_dated_file_counts_once(tmp_path: Path) -> None:
    made(tmp_path, "access.log.2026-11-22", "access.log.2026-11-23")
    (tmp_path / "access.log").symlink_to("access.log.2026-11-23")
    assert [path.name for path in members(tmp_path / "access.log")] == ["access.log.2026-11-22", "access.log"]


def test_a_circle_of_links_is_left_to_its_reading(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.symlink_to("access.log")
    assert members(path) == [path]
    made(tmp_path, "error.log")
    (tmp_path / "error.log.1").symlink_to("error.log.1")
    assert [path.name for path in members(tmp_path / "error.log")] == ["error.log.1", "error.log"]


def test_members_that_are_named_too_belong_to_their_log_from_any_folder(tmp_path: Path) -> None:
    made(tmp_path, "access.log", "access.log.1")
    old = made(tmp_path / "old", "access.log.2.gz", "other.log.1")
    given = [tmp_path / "access.log.1", old / "access.log.2.gz", old / "other.log.1", tmp_path / "access.log"]
    found = {file.path: file.log for file in sets(given)}
    log = tmp_path / "access.log"
    assert found == {
        log: log,
        tmp_path / "access.log.1": log,
        old / "access.log.2.gz": log,
        old / "other.log.1": old / "other.log.1",
    }
    assert [path for path in found if path.parent == tmp_path] == [tmp_path / "access.log.1", log]


def test_a_compressed_twin_that_is_named_counts_once(tmp_path: Path) -> None:
    made(tmp_path, "access.log", "access.log.1", "access.log.1.gz")
    named = [tmp_path / "access.log", tmp_path / "access.log.1.gz"]
    assert [file.path.name for file in sets(named)] == ["access.log.1", "access.log"]


@pytest.mark.parametrize("suffix", [".lz4", ".Z", ".zip"])
def test_a_compression_that_nobody_understands_is_a_member_and_refused(tmp_path: Path, suffix: str) -> None:
    made(tmp_path, "access.log", f"access.log.1{suffix}")
    first, _ = members(tmp_path / "access.log")
    with pytest.raises(LogError, match="is not understood; unpack it"):
        list(blocks(first))
