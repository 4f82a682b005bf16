"""A real Nginx under load, rotated by logrotate while its log is read: each request once, or a loss is told."""

from __future__ import annotations

import gzip
import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opskit.logs.formats import find
from opskit.logs.resume import load, lock, open_since, save
from opskit.logs.scan import Scan
from opskit.logs.top import Query, count
from tests.lab.part_process import eventually, free_port

REQUESTS = 1500
FORM = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
CONF = """
{user}worker_processes 2;
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 64; }}
http {{
    log_format odd '$request_id "$http_user_agent" [$msec] $status $request_time '
                   '"$upstream_status" $remote_addr "$request"';
    log_format lines escape=json '{{"at":$msec,"status":$status,"agent":"$http_user_agent","path":"$request_uri"}}';
    access_log {folder}/access.log{buffer};
    access_log {folder}/odd.log odd;
    access_log {folder}/lines.log lines;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; keepalive_requests 100000; location / {{ return 429; }} }}
}}
"""
ROTATE = """
{folder}/access.log {{
    size 1
    rotate 50
    missingok
    {how}
}}
"""
RENAME = "nocreate\n compress\n delaycompress\n postrotate\n kill -USR1 $(cat {folder}/nginx.pid)\n endscript"


@contextmanager
def nginx(folder: Path, port: int, buffer: str = "") -> Iterator[None]:
    """Run Nginx with its logs in a folder."""
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(CONF.format(folder=folder, port=port, buffer=buffer, user=user))
    binary = next(path for path in ("/usr/sbin/nginx", "/usr/bin/nginx") if Path(path).exists())
    command = [binary, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            eventually(lambda: (folder / "nginx.pid").exists() and answered(port))
            (folder / "access.log").write_text("") if not buffer else None
            yield
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait(20)


def answered(port: int) -> bool:
    try:
        http.client.HTTPConnection("127.0.0.1", port, timeout=5).request("GET", "/warm")
    except OSError:
        return False
    return True


def ask(port: int, numbers: range) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for number in numbers:
        connection.request("GET", f"/{number}?", headers={"User-Agent": f"n {number}"})
        connection.getresponse().read()
        time.sleep(0.001)
    connection.close()


class Follower:
    """Reads on and on, and remembers which requests it saw and what it was told to be missing."""

    def __init__(self, log: Path) -> None:
        self._log, self._state = log, log.parent / "state"
        self.seen = list[int]()
        self.lost = list[str]()

    def read(self) -> None:
        parse = find("combined").parse
        with lock(self._state):
            before = load(self._state)
            with open_since(self._log, before, "start", lambda line: (parse(line) or parse(LAST)).at) as resumed:
                data = b"".join(block for _, block in resumed.blocks())
            self.seen += [int(found) for found in re.findall(rb'"GET /(\d+)\?', data)]
            self.lost += [str(message) for message in resumed.coverage.lost if before is not None]
            save(self._state, resumed.position)


LAST = b'10.0.0.7 - - [22/Nov/2026:13:00:00 +0800] "GET / HTTP/1.1" 429 5 "-" "curl"'


def followed(folder: Path, how: str, pause: float = 0.12) -> Follower:
    """Ask, rotate and read at the same time; return the reader after its last run."""
    port = free_port()
    conf = folder / "logrotate.conf"
    conf.write_text(ROTATE.format(folder=folder, how=how.format(folder=folder)))
    conf.chmod(0o644)
    follower = Follower(folder / "access.log")
    with nginx(folder, port):
        asker = threading.Thread(target=ask, args=(port, range(REQUESTS)))
        asker.start()
        follower.read()
        while asker.is_alive():
            time.sleep(pause)
            subprocess.run(["/usr/sbin/logrotate", "-f", "-s", folder / "logrotate.state", conf], check=True)
            follower.read()
        asker.join()
    follower.read()
    return follower


def test_renamed_logs_give_each_request_exactly_once(tmp_path: Path) -> None:
    follower = followed(tmp_path, RENAME)
    assert sorted(follower.seen) == list(range(REQUESTS))
    assert follower.lost == []
    assert len(list(tmp_path.glob("access.log.*.gz"))) > 2


def test_copytruncate_gives_no_request_twice_and_its_losses_are_told(tmp_path: Path) -> None:
    follower = followed(tmp_path, "copytruncate")
    assert len(follower.seen) == len(set(follower.seen))
    missing = set(range(REQUESTS)) - set(follower.seen)
    assert follower.lost or not missing


def test_a_set_that_was_rotated_meanwhile_is_counted_whole(tmp_path: Path) -> None:
    followed(tmp_path, RENAME)
    found = count(Query(paths=(tmp_path / "access.log",), by=("agent",), n=REQUESTS + 9))
    rows = {row.key[0]: row.count for row in found.top["429"] if row.key[0] != "-"}
    assert rows == {f"n {number}": 1 for number in range(REQUESTS)}
    assert found.account.unparsed == 0


def rotated(path: Path, first: int) -> bool:
    """Rename all members, compress the third youngest, write 20 new lines; tell whether ten are compressed."""
    for number in range(9, 0, -1):
        for old in (path.with_name(f"{path.name}.{number}{suffix}") for suffix in ("", ".gz")):
            if old.exists():
                old.rename(path.with_name(old.name.replace(f".log.{number}", f".log.{number + 1}")))
    path.rename(path.with_name(f"{path.name}.1"))
    second, draft = path.with_name(f"{path.name}.2"), path.with_name("draft")
    if second.exists():
        draft.write_bytes(gzip.compress(second.read_bytes(), 1))
        draft.rename(path.with_name(f"{path.name}.2.gz"))
        second.unlink()
    path.write_bytes(b"".join(LAST.replace(b'"-"', b'"%d"' % (first + n), 1) + b"\n" for n in range(20)))
    return path.with_name(f"{path.name}.10.gz").exists()


def test_a_count_while_the_set_is_rotated_sees_each_line_once(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"")
    written, done = [0], threading.Event()

    def rotate() -> None:
        while not done.is_set():
            if rotated(path, written[0]):
                done.set()
            written[0] += 20
            time.sleep(0.01)

    rotator = threading.Thread(target=rotate)
    rotator.start()
    while not done.is_set():
        before = written[0]
        found = count(Query(paths=(path,), by=("client",), n=1))
        assert before <= found.matched <= written[0] + 20
        assert not [file.error for file in found.account.files if file.error]
    rotator.join()
    assert count(Query(paths=(path,), by=("client",), n=1)).matched == written[0]


def test_a_log_that_is_emptied_under_its_reader_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "access.log"
    path.write_bytes((LAST + b"\n") * 100_000)
    block = Scan.block

    def emptied(self: Scan, data: bytes, end: int) -> None:
        os.truncate(path, 0)
        block(self, data, end)

    monkeypatch.setattr(Scan, "block", emptied)
    (file,) = count(Query(paths=(path,))).account.files
    assert "became shorter while it was read" in str(file.error)


def test_formats_of_a_real_configuration_read_what_nginx_writes(tmp_path: Path) -> None:
    port = free_port()
    with nginx(tmp_path, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for agent in ('quote" and back\\slash', "\u4f60\u597d".encode().decode("latin-1"), "[x] - -", ""):
            connection.request("GET", "/a%20b?q=1", headers={"User-Agent": agent})
            connection.getresponse().read()
    for log, form in (("access.log", "combined"), ("odd.log", "odd"), ("lines.log", "lines")):
        name = form if form == "combined" else f"{tmp_path}/nginx.conf:{form}"
        found = count(Query(paths=(tmp_path / log,), by=("agent", "path"), n=9, format=name))
        assert (found.account.unparsed, found.matched) == (0, found.account.lines)
        paths = {row.key[1] for row in found.top["429"]}
        assert paths <= {"/a%20b", "/warm"}
        agents = {row.key[0] for row in found.top["429"]}
        if form == "lines":
            assert {'quote" and back\\slash', "\u4f60\u597d", "[x] - -", "-"} == agents


KILLED = """
import sys
from opskit.logs.resume import load, open_since
with open_since(sys.argv[1], load(__import__("pathlib").Path(sys.argv[2])), "start") as resumed:
    for _, block in resumed.blocks():
        print(len(block), flush=True)
    sys.stdin.read()
"""


def test_a_killed_reader_loses_nothing_and_holds_no_lock(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_bytes((LAST.replace(b"GET / ", b"GET /1? ") + b"\n") * 3)
    follower = Follower(log)
    follower.read()
    with log.open("ab") as more:
        more.write((LAST.replace(b"GET / ", b"GET /2? ") + b"\n") * 2)
    command = [sys.executable, "-c", KILLED, str(log), str(tmp_path / "state")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        assert reader.stdout
        reader.stdout.readline()
        reader.kill()
    follower.read()
    assert follower.seen == [1, 1, 1, 2, 2]


@pytest.mark.parametrize("damage", [b"", b"{}", b"\x00\xff", b'{"v":99}'])
def test_a_damaged_position_is_an_error_and_not_a_first_run(tmp_path: Path, damage: bytes) -> None:
    log = tmp_path / "access.log"
    log.write_bytes(LAST + b"\n")
    (tmp_path / "state").write_bytes(damage)
    with pytest.raises(Exception, match="move it away to begin anew"):
        count(Query(paths=(log,), state=tmp_path / "state"))
