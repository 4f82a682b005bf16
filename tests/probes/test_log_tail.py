"""Collecting the newest part of a log: rotated, compressed, odd, forbidden, and not a log at all."""

from __future__ import annotations

import gzip
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from opskit.model.raw import Raw
from opskit.probes.base import Deadline, LateError, ProbeError
from opskit.probes.log_tail import Line, collect_log, collect_recent, not_ahead, read_lines
from tests.probes.asking import as_nobody

T = 1_795_460_400.0
STAMP = re.compile(rb"(\d{10}) ")


def stamp(line: bytes) -> float | None:
    match = STAMP.match(line)
    return float(match[1]) if match else None


def rows(begin: int, count: int) -> bytes:
    return b"".join(b"%d line %d\n" % (begin + number, begin + number) for number in range(count))


def write(path: Path, data: bytes, at: float = T) -> None:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    os.utime(path, (at, at))


def collected(path: Path, since: float, room: int = 1 << 20) -> tuple[Raw, ...]:
    return collect_log("app.log", str(path), since, stamp, Deadline(5), room)


def exact(raws: tuple[Raw, ...]) -> list[bytes]:
    """Insist that every line stands in its file where the evidence says it does; return the lines."""
    files = dict[str, list[bytes]]()
    for raw in raws:
        data = Path(raw.origin).read_bytes()
        files[raw.origin] = (gzip.decompress(data) if raw.origin.endswith(".gz") else data).split(b"\n")
    found = list(read_lines(raws))
    assert all(files[line.source][line.number - 1].removesuffix(b"\r") == line.data for line in found)
    return [line.data for line in found]


def test_a_window_is_collected_over_the_rotated_set(tmp_path: Path) -> None:
    path, begin = tmp_path / "app.log", int(T)
    write(path, rows(begin - 10, 10))
    write(tmp_path / "app.log.1", rows(begin - 1000, 990))
    write(tmp_path / "app.log.2.gz", rows(begin - 9000, 8000), T - 1000)
    write(tmp_path / "app.log.3.gz", b"never opened, for it was last written long ago", T - 9000)
    raws = collected(path, T - 4000)
    assert [raw.name for raw in raws] == ["app.log.2", "app.log.1", "app.log"]
    lines = exact(raws)
    assert stamp(lines[0]) == T - 4000
    assert [stamp(line) for line in lines] == sorted(stamp(line) or 0 for line in lines)
    assert all(raw.complete for raw in raws)


def test_a_log_that_was_just_rotated_is_continued_in_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, b"")
    write(tmp_path / "app.log.1", rows(int(T) - 50, 50))
    assert len(exact(collected(path, T - 3600))) == 50
    assert len(exact(collect_recent("app.log", str(path), Deadline(5)))) == 50
    write(path, rows(int(T), 1))
    assert len(exact(collect_recent("app.log", str(path), Deadline(5)))) == 51


def test_in_the_moment_of_rotation_the_log_may_be_missing_and_later_not(tmp_path: Path) -> None:
    write(tmp_path / "app.log.1", rows(int(T), 5), time.time())
    assert len(exact(collected(tmp_path / "app.log", T - 60))) == 5
    write(tmp_path / "app.log.1", rows(int(T), 5), time.time() - 3600)
    for collect in (collected, lambda path, _since: collect_recent("x", str(path), Deadline(5))):
        with pytest.raises(ProbeError, match="there is no such file"):
            collect(tmp_path / "app.log", T - 60)


@pytest.mark.parametrize("name", ["app.log", "app.log.1.gz"])
def test_where_the_room_ends_it_is_the_oldest_lines_that_are_missing(tmp_path: Path, name: str) -> None:
    write(tmp_path / "app.log", b"")
    write(tmp_path / name, rows(int(T) - 1000, 1000))
    raws = collected(tmp_path / "app.log", T - 3600, 2000)
    lines = exact(raws)
    assert not all(raw.complete for raw in raws)
    assert stamp(lines[-1]) == T - 1
    assert sum(map(len, lines)) <= 2000


def test_a_damaged_member_gives_what_it_still_holds(tmp_path: Path) -> None:
    write(tmp_path / "app.log", b"")
    whole = gzip.compress(random.Random(7).randbytes(50_000).hex().encode() + b"\n" + rows(int(T), 3000))
    (tmp_path / "app.log.1.gz").write_bytes(whole[: len(whole) - 200])
    raws = collected(tmp_path / "app.log", T - 3600)
    assert not raws[0].complete
    assert b" line " in raws[0].data


def test_a_member_that_is_no_gzip_is_said_to_be_none(tmp_path: Path) -> None:
    write(tmp_path / "app.log", rows(int(T), 1))
    (tmp_path / "app.log.1.gz").write_bytes(b"plain text")
    with pytest.raises(ProbeError, match="not gzip data in spite of its name"):
        collected(tmp_path / "app.log", T - 60)


def test_lines_without_a_time_are_collected_by_size(tmp_path: Path) -> None:
    garbage = random.Random(7).randbytes(300_000)
    write(tmp_path / "app.log", garbage)
    (raw,) = collected(tmp_path / "app.log", T - 60)
    assert (raw.data, raw.first_line, raw.complete) == (garbage, 1, True)
    exact((raw,))


def test_a_line_longer_than_a_mebibyte_keeps_its_number_and_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path / "app.log", rows(int(T), 2) + b"x" * (3 << 20) + b"\r\n" + rows(int(T) + 2, 2))
    lines = exact(collected(tmp_path / "app.log", T - 60, 8 << 20))
    assert [len(line) for line in lines][2] == 3 << 20
    assert len(lines) == 5


def test_line_numbers_are_exact_where_the_beginning_was_not_read(tmp_path: Path) -> None:
    write(tmp_path / "app.log", rows(int(T) - 60_000, 60_000))
    (raw,) = collected(tmp_path / "app.log", T - 100, 4 << 20)
    assert raw.first_line > 1
    assert len(exact((raw,))) < 60_000


def fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Path.mkdir, "this is a directory"),
        (fifo, "this is a pipe, socket or device"),
        (lambda path: path.symlink_to("/dev/zero"), "this is a pipe, socket or device"),
        (lambda path: path.symlink_to("missing"), "no such file"),
        (Path.as_posix, "no such file"),
    ],
)
def test_what_is_no_log_is_said_to_be_none(tmp_path: Path, make: Callable[[Path], object], words: str) -> None:
    make(tmp_path / "app.log")
    with pytest.raises(ProbeError, match=words):
        collected(tmp_path / "app.log", T)
    with pytest.raises(ProbeError, match=words):
        collect_recent("app.log", str(tmp_path / "app.log"), Deadline(5))


def test_a_log_that_may_not_be_read_is_said_to_be_so_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    write(path, rows(int(T), 1))
    path.chmod(0o640)
    call = f"collect_recent('x', {str(path)!r}, Deadline(5))"
    said = as_nobody(tmp_path, "opskit.probes.log_tail", call)
    assert "ProbeError" in said
    assert "join group" in said


def test_without_time_nothing_is_read(tmp_path: Path) -> None:
    write(tmp_path / "app.log", rows(int(T), 1))
    with pytest.raises(LateError, match="stuck at: read"):
        collect_log("app.log", str(tmp_path / "app.log"), T, stamp, Deadline(0.0))


def test_a_proof_holds_no_half_of_a_secret() -> None:
    key = b"sk-" + b"a1b2c3d4" * 6
    for filling in range(560, 605):
        text = Line("log", 1, b"x" * filling + b' "note": "' + key + b'"').evidence().text
        assert "sk-a" not in text
        assert len(text) <= 600
    prompt = b'{"prompt": "' + b"what nobody may read " * 400 + b'", "token": "hush-hush"}'
    text = Line("log", 1, prompt).evidence().text
    assert "nobody" not in text
    assert "hush" not in text


class At:
    def __init__(self, at: float) -> None:
        self.at = at


def test_lines_from_the_future_do_not_count() -> None:
    def left(*times: float) -> list[float]:
        return [item.at for item, _ in not_ahead([(At(at), Line("log", n, b"")) for n, at in enumerate(times, 1)], T)]

    assert left(T - 5, T + 20) == [T - 5, T + 20]  # a little skew is no reason for anything
    assert left(T - 9000, T + 3600, T - 5) == [T - 9000, T - 5]  # the clock was set back by an hour
    assert left() == []
    with pytest.raises(ProbeError, match="log:2 is dated in the future"):
        left(T - 5, T + 3600)
