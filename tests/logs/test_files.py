"""Reading real files: compressed, damaged, endless, rotated, forbidden."""

from __future__ import annotations

import bz2
import gzip
import importlib.util
import lzma
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs import files, unpack
from opskit.logs.files import LogError, Truncated, blocks, lines, tail
from opskit.logs.rotated import members

MEBI = 1 << 20


def written(folder: Path, data: bytes, name: str = "access.log") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def drained(path: Path) -> tuple[list[bytes], LogError | None]:
    """Return the lines that came before an error, and the error."""
    got = list[bytes]()
    try:
        got.extend(line for _, line in lines(path))
    except LogError as error:
        return got, error
    return got, None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a\nb\n", [b"a", b"b"]),
        (b"a\nb", [b"a", b"b"]),
        (b"a\r\nb\r\n", [b"a", b"b"]),
        (b"a\n\n\nb\n", [b"a", b"", b"", b"b"]),
        (b"\x00\xff\x1b[31m\x0b\x85\n\xe2\x80\xa8x", [b"\x00\xff\x1b[31m\x0b\x85", b"\xe2\x80\xa8x"]),
    ],
)
@pytest.mark.parametrize(
    ("suffix", "pack"), [("", bytes), (".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_lines_end_at_lf_and_at_nothing_else(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes], data: bytes, expected: list[bytes]
) -> None:
    path = written(tmp_path, pack(data), f"access.log{suffix}")
    assert list(lines(path)) == list(enumerate(expected, 1))


@pytest.mark.parametrize("length", [MEBI - 1, MEBI, MEBI + 1, 5 * MEBI])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nnext\n"])
def test_a_line_beyond_a_mebibyte_is_cut_and_the_next_one_is_whole(tmp_path: Path, length: int, end: bytes) -> None:
    path = written(tmp_path, b"first\n" + b"x" * length + end)
    found = [line for _, line in lines(path)]
    assert found[0] == b"first"
    assert found[1] == b"x" * min(length, MEBI)
    assert found[2:] == ([b"next"] if b"next" in end else [])


def test_every_member_of_a_gzip_file_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"a\nb") + gzip.compress(b"c\n") + gzip.compress(b"d") + b"\0" * 100, "l.gz")
    assert [line for _, line in lines(path)] == [b"a", b"bc", b"d"]


def test_a_truncated_gzip_file_gives_what_is_there_and_then_says_so(tmp_path: Path) -> None:
    noise = os.urandom(200_000).hex().encode()
    whole = gzip.compress(b"first\n" + noise + b"\nlast\n")
    path = written(tmp_path, whole[: len(whole) // 2], "access.log.1.gz")
    got, stopped = drained(path)
    assert isinstance(stopped, Truncated)
    assert "ends early" in str(stopped.message)
    assert got[0] == b"first"
    assert noise.startswith(got[1])
    assert len(got[1]) > 100_000


def test_garbage_behind_a_gzip_member_does_not_lose_the_member(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"a\n" * 5) + b"garbage", "access.log.gz")
    got, stopped = drained(path)
    assert isinstance(stopped, Truncated)
    assert got == [b"a"] * 5


@pytest.mark.parametrize(("suffix", "word"), [(".gz", "gzip"), (".bz2", "bzip2"), (".xz", "xz")])
def test_a_wrong_suffix_is_told_in_one_sentence(tmp_path: Path, suffix: str, word: str) -> None:
    path = written(tmp_path, b"plain text, not compressed at all\n" * 9, f"access.log{suffix}")
    with pytest.raises(LogError) as caught:
        list(lines(path))
    assert str(caught.value.message) == f"{path}: not {word} data in spite of its name"


def test_missing_files_directories_and_pipes_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path / "none", "no such file"), (tmp_path, "directory"), (tmp_path / "pipe", "pipe")):
        with pytest.raises(LogError, match=words):
            list(lines(path))
    with pytest.raises(LogError, match="regular files only"):
        list(lines("/dev/zero"))
    with pytest.raises(LogError, match="not a file name"):
        list(lines("a\0b"))


@pytest.mark.parametrize(("mode", "words"), [(0o640, "join group"), (0o600, "only its owner")])
def test_a_forbidden_file_says_what_to_do(tmp_path: Path, mode: int, words: str) -> None:
    path = written(tmp_path, b"x\n")
    path.chmod(mode)
    assert words in str(files.explained(path, PermissionError()))


def at_front(line: bytes) -> float | None:
    number = line.partition(b" ")[0]
    return float(number) if number.isdigit() else None


@pytest.mark.parametrize("length", [10, 5000, 300_000])
def test_a_tail_has_every_line_since_the_time_and_exact_numbers(tmp_path: Path, length: int) -> None:
    count = 4000 if length < 1000 else 40
    whole = [f"{number * 10} ".encode() + b"x" * length for number in range(count)]
    path = written(tmp_path, b"\n".join(whole) + b"\n")
    since = (count - 20) * 10
    found = tail(path, since, 1 << 30, at_front)
    assert found.complete
    kept = found.data.removesuffix(b"\n").split(b"\n")
    assert kept == whole[found.first_line - 1 :]
    assert at_front(kept[0]) is not None
    assert float(kept[0].split()[0]) <= since


def test_a_tail_that_reaches_its_limit_says_so_and_starts_at_a_line(tmp_path: Path) -> None:
    path = written(tmp_path, b"".join(b"%d abc\n" % number for number in range(1000)))
    found = tail(path, 0.0, 100, at_front)
    assert not found.complete
    first = found.data.split(b"\n")[0]
    assert first == b"%d abc" % (found.first_line - 1)
    assert len(found.data) <= 100


def test_a_tail_keeps_a_partial_last_line_and_lines_without_time(tmp_path: Path) -> None:
    path = written(tmp_path, b"5 a\ntrace\n\xff\x00\n9 par")
    assert tail(path, 8.0, 1 << 20, at_front) == files.Tail(b"5 a\ntrace\n\xff\x00\n9 par", 1, True)
    assert tail(written(tmp_path, b"", "empty"), None, 10, at_front) == files.Tail(b"", 1, True)


@given(st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=30), st.integers(0, 200))
def test_the_line_number_of_a_tail_is_always_right(
    tmp_path_factory: pytest.TempPathFactory, noise: list[bytes], cap: int
) -> None:
    data = b"\n".join(noise)
    path = written(tmp_path_factory.mktemp("tail"), data)
    found = tail(path, None, cap, at_front)
    before = data[: len(data) - len(found.data)]
    assert data.endswith(found.data)
    assert found.first_line == before.count(b"\n") + 1
    assert found.complete == (cap >= len(data))


def test_rotated_files_come_oldest_first_by_number_and_not_by_name(tmp_path: Path) -> None:
    names = ["access.log", "access.log.1", "access.log.2.gz", "access.log.9.gz", "access.log.10.gz", "access.log.20.gz"]
    for name in [*names, "access.log.1.gz", "access.log.bak", "other.log", "access.log.old.gz", "error.log.1"]:
        written(tmp_path, b"", name)
    assert [path.name for path in members(tmp_path / "access.log")] == [
        *("access.log.20.gz", "access.log.10.gz", "access.log.9.gz", "access.log.2.gz", "access.log.1", "access.log")
    ]


def test_dated_members_are_ordered_by_date(tmp_path: Path) -> None:
    names = ["access.log-20261120.gz", "access.log-20261121.xz", "access.log-20261122-13", "access.log"]
    for name in reversed(names):
        written(tmp_path, b"", name)
    assert [path.name for path in members(tmp_path / "access.log")] == names


def test_a_log_that_does_not_exist_is_its_own_only_member(tmp_path: Path) -> None:
    assert members(tmp_path / "none.log") == [tmp_path / "none.log"]
    assert members(tmp_path / "no" / "none.log") == [tmp_path / "no" / "none.log"]


@pytest.mark.parametrize("suffix", ["", ".zst"])
def test_zstandard_is_known_by_its_content(tmp_path: Path, suffix: str) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"one\ntwo\n")
    path = tmp_path / f"access.log.1{suffix}"
    subprocess.run(["zstd", "-q", "-o", path, plain], check=True)
    assert list(lines(path)) == [(1, b"one"), (2, b"two")]
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(Truncated):
        list(lines(path))


def test_gzip_without_its_suffix_is_read_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"\0" * 600_000)
    assert list(lines(path)) == [(1, b"one"), (2, b"two")]


def test_without_isal_gzip_reads_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "access.log.gz"
    content = b"".join(b"%d\n" % number for number in range(200_000))
    path.write_bytes(gzip.compress(content))
    with_isal = b"".join(blocks(path))
    monkeypatch.setattr(unpack, "find_spec", lambda name: None if name == "isal" else importlib.util.find_spec(name))
    assert b"".join(blocks(path)) == with_isal == content
