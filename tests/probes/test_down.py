"""Who listens, what runs, and since when nothing does: real processes and sockets, and what may be seen of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from opskit.model.reading import Reading
from opskit.probes.base import Deadline
from opskit.probes.down import Down, Ended, Listener, Process
from opskit.probes.down_told import down_told
from opskit.probes.ended import ended
from opskit.probes.exchange import Exchange, Failure
from opskit.probes.listeners import is_of_this_host, look
from opskit.probes.log_end import kept
from opskit.probes.machine import Queue
from tests.probes.asking import NOW, as_nobody, ask, collect, replay
from tests.probes.server import Talk, answer, refused_port, serving

URL = "http://127.0.0.1:8080/health"
REFUSED = Exchange(URL, failure=Failure("refused", "connect to", "refused"))
SILENT = Exchange(URL, failure=Failure("timeout", "wait for the first byte from", ""))
_LISTENER = """
import socket, time
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    time.sleep(60)
"""


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def program(folder: Path, name: str) -> str:
    """A program of any name, that sleeps."""
    found = shutil.which("sleep")
    assert found is not None
    return shutil.copy(found, folder / name)


def told(asked: Exchange, down: Down) -> str:
    return str(down_told(asked, down, NOW))


def said(reading: Reading) -> str:
    return str(reading.reason("answered"))


def test_where_nothing_listens_it_is_said_with_what_is_known_of_the_process() -> None:
    text = said(ask("http", url=f"http://127.0.0.1:{refused_port()}/"))
    assert "nothing listens there; " in text
    assert "clawdbot" in text or "cannot be told" in text


def test_who_listens_at_another_address_only_is_named() -> None:
    with serving(answer(), at=("127.0.0.2", 0)) as server:
        text = said(ask("http", url=f"http://127.0.0.1:{server.port}/"))
    assert f"its port is listened at only on 127.0.0.2:{server.port}; " in text
    assert f"(pid {os.getpid()}) listens on port {server.port}" in text


def test_a_stopped_process_is_told_and_so_is_the_replay() -> None:
    with running(sys.executable, "-c", _LISTENER) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{int(process.stdout.readline())}/"
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        raws = collect("http", 0.5, url=url)
    first, second = (said(replay("http", raws, url=url)) for _ in range(2))
    assert f"(pid {process.pid}) listens on port" in first
    assert "is stopped: `kill -CONT` lets it go on" in first
    assert first == second


def test_a_full_accept_queue_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener, ExitStack() as waiting:
        for _ in range(4):
            sock = waiting.enter_context(socket.socket())
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        text = said(ask("http", 0.5, url=f"http://127.0.0.1:{listener.getsockname()[1]}/"))
    assert "its accept queue is full" in text


def test_who_gives_a_wrong_answer_is_named_and_not_accused() -> None:
    with serving(answer("404 Not Found", "no")) as server:
        reading = ask("http", url=server.url)
    text = str(reading.reason("healthy"))
    assert f"(pid {os.getpid()}) listens on port {server.port}" in text
    assert "another" not in text


def test_a_healthy_answer_has_no_look_at_processes() -> None:
    def script(talk: Talk) -> None:
        talk.sock.sendall(answer(body="ok") if b"/health " in talk.hear() else answer("404 Not Found"))

    code = (
        "import sys; from tests.probes.asking import ask; "
        "assert ask('http', url=sys.argv[1]).facts['ok']; print('psutil' in sys.modules)"
    )
    with serving(script) as server:
        command = [sys.executable, "-c", code, server.url + "/health"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "False"


def test_processes_are_known_by_their_program_and_not_by_other_words(tmp_path: Path) -> None:
    script = tmp_path / "node_modules" / "openclaw" / "dist" / "index.js"
    script.parent.mkdir(parents=True)
    script.write_text("import time; time.sleep(60)")
    (tmp_path / "clawdbot.log").touch()
    with (
        running(program(tmp_path, "clawdbot"), "60") as real,
        running(sys.executable, str(script)) as interpreted,
        running("tail", "-f", str(tmp_path / "clawdbot.log")) as other,
        running(program(tmp_path, "clawdbot-gone"), "0") as over,
    ):
        os.waitid(os.P_PID, over.pid, os.WEXITED | os.WNOWAIT)
        found = {item.pid: item for item in look("127.0.0.1", refused_port()).processes or []}
    assert (found[real.pid].name, found[real.pid].ports) == ("clawdbot", [])
    assert "openclaw/dist" in found[interpreted.pid].name or "python" in found[interpreted.pid].name
    assert other.pid not in found
    assert (found[over.pid].name, found[over.pid].state) == ("clawdbot-gone", "Z")


def test_what_another_user_runs_is_not_named_to_nobody(tmp_path: Path) -> None:
    with serving(answer()) as server:
        seen = as_nobody(tmp_path, "opskit.probes.listeners", f"look('127.0.0.1', {server.port}).listeners")
    assert "pid=None" in seen


WORDS: list[tuple[Exchange, dict[str, Any], str]] = [
    (REFUSED, {"listeners": [], "processes": [], "all_seen": True}, "no process of that name runs"),
    (REFUSED, {"listeners": [], "processes": []}, "processes of other users are hidden"),
    (REFUSED, {"listeners": [], "processes": None}, "processes of other users are hidden"),
    (REFUSED, {"listeners": None}, "which sockets there are, this user may not see"),
    (REFUSED, {"listeners": [], "processes": [Process(7, "clawdbot", "Z")]}, "`clawdbot` (pid 7) has ended: a zombie"),
    (REFUSED, {"listeners": [], "processes": [Process(7, "clawdbot", "S", [81])]}, "(pid 7) runs, and listens on 81"),
    (REFUSED, {"listeners": [], "processes": [Process(7, "clawdbot", "S")]}, "(pid 7) runs, and listens at no port"),
    (REFUSED, {"listeners": [Listener("[::1]")]}, "only on [::1]:8080; something listens on port 8080, and this user"),
    (SILENT, {"listeners": [Listener("0.0.0.0", 7, "x", "D")]}, "`x` (pid 7) listens on port 8080, and waits in the"),
    (SILENT, {"listeners": [], "queues": [Queue(8080, 129, 128)]}, "its accept queue is full, 129 of 128"),
    (REFUSED, {"listeners": [Listener("0.0.0.0", 7, "x", "S")]}, "though 0.0.0.0:8080 is listened at"),
    (SILENT, {"listeners": [], "queues": [Queue(8080, 3, 128)]}, "from http://127.0.0.1:8080/health"),
]


@pytest.mark.parametrize(("asked", "fields", "words"), WORDS)
def test_the_words_say_no_more_than_was_seen(asked: Exchange, fields: dict[str, Any], words: str) -> None:
    assert words in told(asked, Down(8080, here=True, **fields))


def test_a_service_of_another_host_has_no_process_here() -> None:
    assert "none of this host" in told(REFUSED, Down(8080, here=False))
    assert [is_of_this_host(host) for host in ("127.9.9.9", "::1", "localhost", "192.0.2.1")] == [True] * 3 + [False]
    assert look("192.0.2.1", 80) == Down(80, here=False)


UNITS: list[tuple[dict[str, Any], str]] = [
    (
        {"state": "failed/failed", "result": "exit-code", "code": 1, "ago_s": 190.0},
        "systemd: the process of clawdbot.service exited 3 minutes ago (exit-code, status 1)",
    ),
    (
        {"state": "activating/auto-restart", "result": "signal", "code": 9, "ago_s": 5.0, "restarts": 12},
        "exited 5 s ago (signal, status 9) and is restarted again and again, 12 times so far",
    ),
    ({"state": "active/running", "ago_s": 5.0}, "systemd takes clawdbot.service for running (active/running)"),
    ({"state": "inactive/dead"}, "systemd says of clawdbot.service: inactive/dead"),
]


@pytest.mark.parametrize(("fields", "words"), UNITS)
def test_what_systemd_says_of_the_end_is_told_as_its_word(fields: dict[str, Any], words: str) -> None:
    unit = Ended("systemd", "clawdbot.service", **fields)
    assert words in told(REFUSED, Down(8080, here=True, listeners=[], processes=[], all_seen=True, ended=[unit]))


def test_systemd_is_asked_and_its_time_is_the_monotonic_clocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "systemctl"
    then = int((time.monotonic() - 7.0) * 1e6)
    told_of = {"ActiveState": "failed", "SubState": "failed", "Result": "exit-code", "NRestarts": 3}
    told_of |= {"ExecMainStatus": 1, "ExecMainExitTimestampMonotonic": then}
    blocks = [
        "".join(
            f"{name}={value}\n" for name, value in {"Id": "clawdbot.service", "LoadState": "loaded", **told_of}.items()
        ),
        "Id=openclaw.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n",
        "garbage\n\nLoadState=loaded\n",
    ]
    fake.write_text("#!/bin/sh\ncat <<'EOF'\n" + "\n".join(blocks) + "EOF\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (unit,) = ended(None, Deadline(5))
    assert (unit.name, unit.state, unit.code, unit.restarts) == ("clawdbot.service", "failed/failed", 1, 3)
    assert unit.ago_s is not None
    assert unit.ago_s >= 7.0


def at(minutes: int) -> str:
    return (NOW - timedelta(minutes=minutes)).astimezone(UTC).isoformat(timespec="milliseconds")


LINES: list[tuple[str, str]] = [
    (json.dumps({"0": "{}", "1": "stopped", "time": at(3)}), "ends 3 minutes ago: 'stopped'"),
    (json.dumps({"1": "bye", "_meta": {"date": at(180)}}), "ends 3 hours ago: 'bye'"),
    (f"{at(60 * 24 * 3)} ERROR out of memory", "ends 3 days ago: '"),
    (at(3), "clawdbot.log ends 3 minutes ago"),
    ("2026-11-24 02:56:59,123 local time", "ends 3 minutes ago: '2026-11-24 02:56:59,123 local time'"),
    ("no time at all", "was last written 10 minutes ago"),
    ("2026-99-99 99:99:99 odd", "was last written 10 minutes ago"),
    ('{"time": 5, "_meta": [], "1": {}}', "was last written 10 minutes ago"),
    ("", "was last written 10 minutes ago"),
    (json.dumps({"time": (NOW + timedelta(hours=1)).isoformat(), "1": "x"}), "ends in the future, by its own clock"),
    (json.dumps({"time": at(3), "1": "\x1b[31m" + "x" * 999}), "x'"),
]


@pytest.mark.parametrize(("line", "words"), LINES)
def test_the_end_of_the_log_is_told_as_the_logs_word(line: str, words: str) -> None:
    log = Ended("log", "/var/log/clawdbot.log", line=line, written=NOW.timestamp() - 600)
    text = told(REFUSED, Down(8080, here=True, listeners=[], processes=[], all_seen=True, ended=[log]))
    assert words in text
    assert "\x1b" not in text
    assert len(text) < 500


KEPT = [
    ({"1": "what is my wife's blood pressure", "time": "2026-11-24T02:00:00Z"}, "2026-11-24T02:00:00Z"),
    ({"1": "hello on 2020-01-01T00:00:00Z", "_meta": {"date": "2026-11-24T02:00:00.5Z"}}, "2026-11-24T02:00:00.5Z"),
    ("2026-11-24 02:00:00 user asked about the year 2020-01-01 00:00:00", "2026-11-24 02:00:00"),
    ("a line without any time", ""),
]


@pytest.mark.parametrize(("line", "kept_of_it"), KEPT)
def test_of_a_line_that_tells_of_no_end_only_its_time_is_kept(line: Any, kept_of_it: str) -> None:
    assert kept(line if isinstance(line, str) else json.dumps(line)) == kept_of_it
    for level in ({"level": "error"}, {"_meta": {"logLevelName": "FATAL"}}):
        whole = json.dumps({"1": "it is so", **level})
        assert kept(whole) == whole


def test_a_log_is_read_from_its_end_without_secrets(tmp_path: Path) -> None:
    log = tmp_path / "clawdbot.log"
    log.write_bytes(b"old\n" * 90000 + b'{"1":"error: api_key=sk-abcdefgh12345678"}\n\n')
    (found,) = [item for item in ended(str(log), Deadline(5)) if item.source == "log"]
    assert "sk-abc" not in found.line
    assert found.line.startswith('{"1":"error')
    os.mkfifo(tmp_path / "fifo")
    odd = {path: ended(str(path), Deadline(5))[-1].failed for path in (tmp_path, tmp_path / "no", tmp_path / "fifo")}
    assert all(odd.values())
