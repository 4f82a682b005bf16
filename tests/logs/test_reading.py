"""Which files a window reaches, in which order, and what is said of those that do not reach it."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from opskit.logs.account import Span
from opskit.logs.stats import Stats, stats

T0 = 1795323600
HOUR = 3600


def member(path: Path, begin: int, written: int | None = None, seconds: int = 3) -> Path:
    """Write a line for each of some seconds; `written` is when the file seems to be from."""
    lines = (
        f'10.0.0.7 - - [{datetime.fromtimestamp(at, UTC):%d/%b/%Y:%H:%M:%S} +0000] "GET / HTTP/1.1" 200 5 "-" "curl"\n'
        for at in range(begin, begin + seconds)
    )
    data = "".join(lines).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    at = begin + seconds if written is None else written
    os.utime(path, (at, at))
    return path


def read(answer: Stats) -> list[str]:
    return [Path(file.path).name for file in answer.account.files]


def test_files_come_in_the_order_of_their_lines_whatever_their_names(tmp_path: Path) -> None:
    log = member(tmp_path / "access.log", T0 + 4 * HOUR)
    member(tmp_path / "access.log.1", T0 + HOUR)
    member(tmp_path / "access.log.2.gz", T0 + 2 * HOUR)
    member(tmp_path / "access.log-20200101", T0 + 3 * HOUR)
    answer = stats(Span(paths=(log,)))
    assert read(answer) == ["access.log.1", "access.log.2.gz", "access.log-20200101", "access.log"]
    assert answer.account.coverage.first == T0 + HOUR


def test_a_time_of_modification_that_its_neighbours_contradict_hides_no_line(tmp_path: Path) -> None:
    log = member(tmp_path / "access.log", T0 + 50 * HOUR)
    member(tmp_path / "access.log.1", T0 + 49 * HOUR, written=T0 - 9999 * HOUR)
    member(tmp_path / "access.log.2.gz", T0 + 24 * HOUR)
    answer = stats(Span(paths=(log,), since=T0 + 48 * HOUR))
    assert (answer.by_status, read(answer)) == ({"200": 6}, ["access.log.1", "access.log"])


def test_a_file_that_was_touched_later_makes_nothing_be_read_that_ended_before(tmp_path: Path) -> None:
    log = member(tmp_path / "access.log", T0 + 50 * HOUR - 2000, seconds=2003)
    for number in range(1, 5):
        member(tmp_path / f"access.log.{number}.gz", T0 + (50 - number) * HOUR)
    now = T0 + 51 * HOUR
    os.utime(tmp_path / "access.log.4.gz", (now, now))
    answer = stats(Span(paths=(log,), since=T0 + 50 * HOUR))
    assert (answer.by_status, read(answer)) == ({"200": 3}, ["access.log.4.gz", "access.log"])


def test_members_that_are_named_stay_closed_like_the_others(tmp_path: Path) -> None:
    log = member(tmp_path / "access.log", T0 + 50 * HOUR)
    old = member(tmp_path / "access.log.1", T0)
    old.chmod(0)
    answer = stats(Span(paths=(old, log), since=T0 + 50 * HOUR))
    assert (read(answer), answer.account.coverage.why) == (["access.log"], ())


def test_each_log_that_falls_short_is_named(tmp_path: Path) -> None:
    log = member(tmp_path / "access.log", T0, seconds=100)
    short = member(tmp_path / "gateway.log", T0 + 90)
    quiet = member(tmp_path / "error.log", T0)
    answer = stats(Span(paths=(log, short, quiet), since=T0 + 50))
    assert [str(why) for why in answer.account.coverage.why] == [
        f"{short}: no file reaches back to the beginning of the window",
        f"{quiet}: the newest line is of 2026-11-22 05:00:02+00:00; nothing was written in the window",
    ]


def test_a_folder_of_old_logs_makes_the_window_whole(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    log = member(tmp_path / "access.log", T0 + 50 * HOUR)
    old = member(tmp_path / "old" / "access.log.1.gz", T0)
    answer = stats(Span(paths=(log, old), since=T0))
    assert (answer.by_status, answer.account.coverage.why) == ({"200": 6}, ())


def test_a_truncated_member_gives_what_it_holds(tmp_path: Path) -> None:
    log = member(tmp_path / "access.log", T0 + HOUR)
    packed = member(tmp_path / "access.log.1.gz", T0)
    packed.write_bytes(packed.read_bytes()[:-9])
    answer = stats(Span(paths=(log,)))
    assert answer.by_status["200"] > 3
    assert [file.error is None for file in answer.account.files] == [False, True]


def test_a_set_of_more_files_than_a_process_usually_may_open_is_read_whole(tmp_path: Path) -> None:
    for number in range(1, 301):
        (tmp_path / f"access.log.{number}").write_bytes(
            b'10.0.0.%d - - [22/Nov/2026:13:00:00 +0800] "GET / HTTP/1.1" 429 5\n' % (number % 250)
        )
    (tmp_path / "access.log").touch()
    code = "import resource, sys\nfrom opskit.logs.top import Query, count\n"
    code += "resource.setrlimit(resource.RLIMIT_NOFILE, (200, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))\n"
    code += "found = count(Query(paths=(sys.argv[1],)))\nprint(found.matched, len(found.account.coverage.why))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "access.log")], capture_output=True, text=True, check=True
    )
    assert done.stdout == "300 0\n"
