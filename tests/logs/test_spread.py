"""Reading on two processes, in bounded memory and only where the window can be."""

from __future__ import annotations

import gzip
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opskit.logs import groups, nginx_access, spread, window
from opskit.logs.groups import Groups
from opskit.logs.scan import Scan
from opskit.logs.top import Query, count

T0 = 1795323600  # 2026-11-22T13:00:00+08:00


def line(second: int, client: str = "10.0.0.7", status: int = 429) -> bytes:
    clock = f"{13 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    return f'{client} - - [22/Nov/2026:{clock} +0800] "GET / HTTP/1.1" {status} 5 "-" "curl"\n'.encode()


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share even small work."""
    monkeypatch.setattr(spread, "SHARED", 1000)
    monkeypatch.setattr("opskit.logs.pieces.SHARED", 1000)
    monkeypatch.setattr(spread.os, "cpu_count", lambda: 2)


@pytest.mark.usefixtures("shared")
@pytest.mark.parametrize("name", ["access.log", "access.log.gz"])
def test_what_a_killed_process_was_to_read_is_read_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = b"".join(line(number % 3600, f"10.0.{number % 7}.1") for number in range(2000))
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    parent, block = os.getpid(), Scan.block

    def dies(self: Scan, data: bytes, end: int) -> None:
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        block(self, data, end)

    whole = count(Query(paths=(path,)))
    monkeypatch.setattr(Scan, "block", dies)
    assert count(Query(paths=(path,))) == whole
    assert (whole.matched, whole.account.lines) == (2000, 2000)


@pytest.mark.usefixtures("shared")
def test_lines_between_pieces_are_read_once(tmp_path: Path) -> None:
    for size in range(900, 1100, 7):
        path = tmp_path / f"{size}.log"
        path.write_bytes(line(0) * 30 + b"x" * size + b"\n" + line(1) * 3)
        found = count(Query(paths=(path,)))
        assert (found.account.lines, found.matched, found.account.unparsed) == (34, 33, 1)


KEYS = st.lists(st.tuples(st.sampled_from([401, 429]), st.text("abc\udc80\U0001f600", max_size=3)), max_size=200)


@settings(max_examples=60)
@given(KEYS, st.integers(1, 9))
def test_groups_on_disk_are_counted_like_those_in_memory(keys: list[tuple[int, str]], most: int) -> None:
    found, other = Groups(), Groups()
    before, groups._MOST = groups._MOST, most
    try:
        for key in keys:
            found.add([(key, 1)], 3)
        for chunk, size in found.chunks():
            other.add(chunk, size)
        assert dict(found.items()) == dict(other.items()) == Counter(keys)
    finally:
        groups._MOST = before


def test_a_million_clients_are_all_counted_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    with path.open("w") as log:
        for number in range(250_000):
            log.write(
                f"10.{number >> 16}.{number >> 8 & 255}.{number & 255} - - [22/Nov/2026:13:00:00 +0800] "
                f'"GET /{"a" * 40}{number} HTTP/1.1" 429 5 "-" "-"\n'
            )
        log.write('10.200.0.1 - - [22/Nov/2026:13:00:00 +0800] "GET /b HTTP/1.1" 429 5 "-" "-"\n' * 2)
    code = "import resource,sys\nfrom opskit.logs.top import Query,count\n"
    code += "found=count(Query(paths=(sys.argv[1],),by=('client','path'),n=1))\n"
    # A new program inherits the largest size of the one that started it in ru_maxrss, but not in VmHWM.
    code += "own=int(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])\n"
    code += "peak=max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    code += "best=found.top['429'][0]\nprint(found.matched, best.key, best.count, peak < 150_000, found.on_disk, peak)"
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("250002 ('10.200.0.1', '/b') 2 True True"), done.stdout


def test_a_log_that_ended_before_the_window_is_no_quiet_log(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(line(0) + line(1))
    found = count(Query(paths=(path,), since=T0 + 3600))
    assert not found.account.coverage.complete
    assert [str(why) for why in found.account.coverage.why] == [
        f"{path}: the newest line is of 2026-11-22 05:00:01+00:00; nothing was written in the window"
    ]
    early = count(Query(paths=(path,), since=T0 - 60)).account.coverage
    assert [str(why) for why in early.why] == [f"{path}: no file reaches back to the beginning of the window"]
    assert count(Query(paths=(path,), since=T0, until=T0 + 1)).account.coverage.complete


def stamp(raw: bytes) -> float | None:
    found = nginx_access.parse(raw)
    return found.at if found else None


@settings(max_examples=150)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(-20, 0), st.sampled_from([b"", b"noise\n", b"\n"])), max_size=300
    ),
    st.integers(0, 900),
    st.integers(0, 300),
)
def test_no_line_of_the_window_is_outside_its_span(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, bytes]], since: int, length: int
) -> None:
    at, lines = 100, list[tuple[int, bytes]]()
    for step, late, noise in steps:
        at += step
        lines.append((at + late, noise + line(at + late)))
    path = tmp_path_factory.mktemp("window") / "access.log"
    path.write_bytes(b"".join(text for _, text in lines))
    before, window._CLOSE = window._CLOSE, 64
    try:
        with path.open("rb") as log:
            size = path.stat().st_size
            begin, end = window.span(log.fileno(), size, T0 + since, T0 + since + length, stamp, 20)
    finally:
        window._CLOSE = before
    inside = path.read_bytes()[begin:end]
    wanted = sum(since <= second < since + length for second, _ in lines)
    found = count(Query(paths=(path,), since=T0 + since, until=T0 + since + length))
    assert found.matched == wanted
    assert (
        sum(since <= second < since + length for second, text in lines if text.split(b"\n")[-2] in inside.split(b"\n"))
        >= wanted
    )
    assert begin == 0 or path.read_bytes()[begin - 1 : begin] == b"\n"


@pytest.mark.parametrize("hole_first", [True, False])
def test_a_window_in_a_sparse_file_costs_little_and_holes_are_passed_over(tmp_path: Path, hole_first: bool) -> None:
    path = tmp_path / "access.log"
    with path.open("wb") as log:
        if not hole_first:
            log.write(b"".join(line(second) for second in range(1000)))
        log.truncate(5_000_000_000)
        log.seek(0, os.SEEK_END)
        log.write(b"".join(line(7200 + second) for second in range(1000)))
    found = count(Query(paths=(path,), since=T0 + 7200 + 500))
    assert found.matched == 500
    assert found.account.lines <= 1001
    everything = count(Query(paths=(path,)))
    assert everything.matched == (1000 if hole_first else 2000)
