"""The daemon as its manager sees it: ready, reloaded, stopped, alive; and what cron calls in its place."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opskit.app.once import due
from opskit.history.sqlite import open_store
from opskit.model.check import Check
from opskit.model.status import Status
from opskit.model.text import Text
from tests.cli.conftest import ROOT
from tests.history.builders import run as record

CHECK = """
summary: {en: A command, zh: 命令}
why: {en: A test, zh: 测试}
probe: plugin
with: {command: [/bin/sh, -c, "echo ran >> LOG; echo fine"]}
every: EVERYs
timeout: 5s
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Definitions with one check, which notes each of its runs."""
    folder = tmp_path / "site"
    (folder / "checks").mkdir(parents=True)
    for shipped in (ROOT / "checks").iterdir():
        (folder / "checks" / shipped.name).write_text("enabled: false\n")
    write(folder, "mine", 1)
    return folder


def write(site: Path, name: str, every: int) -> None:
    text = CHECK.replace("LOG", str(site / f"{name}.log")).replace("EVERY", str(every))
    (site / "checks" / f"{name}.yaml").write_text(text)


def runs(site: Path, name: str) -> int:
    log = site / f"{name}.log"
    return log.read_text().count("ran") if log.exists() else 0


@contextmanager
def manager(folder: Path) -> Iterator[socket.socket]:
    """The socket on which systemd listens."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(folder / "notify"))
        sock.settimeout(20)
        yield sock


@contextmanager
def daemon(config: Path, site: Path, *words: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "opskit", "--config", str(config), "--definitions", str(site), "run", *words]
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ}, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def until(sock: socket.socket, wanted: str) -> list[str]:
    """What the manager hears up to a line that begins like this."""
    heard = list[str]()
    while not any(line.startswith(wanted) for line in heard):
        heard += sock.recv(4096).decode().splitlines()
    return heard


def wait(condition: object) -> None:
    ends = time.monotonic() + 20
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends
        time.sleep(0.05)


def test_systemd_hears_of_each_change(config: Path, site: Path, tmp_path: Path) -> None:
    with manager(tmp_path) as sock:
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
        with daemon(config, site, **environ) as running:
            assert "READY=1" in until(sock, "STATUS=1 checks on their schedules")
            until(sock, "WATCHDOG=1")
            running.send_signal(signal.SIGHUP)
            until(sock, "RELOADING=1")
            assert "READY=1" in until(sock, "STATUS=")
            until(sock, "WATCHDOG=1")
            running.send_signal(signal.SIGTERM)
            until(sock, "STOPPING=1")
            assert running.wait(20) == 0


def test_another_process_of_the_service_may_be_the_one_that_is_watched(
    config: Path, site: Path, tmp_path: Path
) -> None:
    with manager(tmp_path) as sock:
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000", "WATCHDOG_PID": "1"}
        with daemon(config, site, "--for", "1", **environ) as running:
            assert "WATCHDOG=1" not in until(sock, "STOPPING=1")
            assert running.wait(20) == 0


def test_a_new_configuration_is_taken_and_a_wrong_one_is_not(config: Path, site: Path, tmp_path: Path) -> None:
    with manager(tmp_path) as sock, daemon(config, site, NOTIFY_SOCKET=str(tmp_path / "notify")) as running:
        until(sock, "READY=1")
        wait(lambda: runs(site, "mine"))
        write(site, "second", 1)
        running.send_signal(signal.SIGHUP)
        until(sock, "STATUS=2 checks")
        wait(lambda: runs(site, "second"))
        (site / "checks" / "mine.yaml").write_text("probe: [\n")
        write(site, "third", 1)
        running.send_signal(signal.SIGHUP)
        until(sock, "STATUS=2 checks")
        before = runs(site, "mine")
        wait(lambda: runs(site, "mine") > before)
        config.write_text("stack: {nowhere: 1}\n")
        running.send_signal(signal.SIGHUP)
        until(sock, "STATUS=2 checks")
        running.send_signal(signal.SIGTERM)
        said = running.communicate(timeout=20)[1]
    assert runs(site, "third") == 0
    assert "read again: 2 checks" in said
    assert said.count("the new configuration is not used: the old one stays in force") == 2
    assert f"{site}/checks/mine.yaml:" in said
    assert f"{config}:1: stack: unknown key 'nowhere'" in said


def test_a_wrong_configuration_at_the_start_is_one_line_and_no_daemon(config: Path, site: Path) -> None:
    config.write_text("stack: {nowhere: 1}\n")
    with daemon(config, site) as running:
        assert "unknown key 'nowhere'" in running.communicate(timeout=20)[1]
        assert running.returncode == 3


def test_programs_read_the_log_as_objects(config: Path, site: Path) -> None:
    with daemon(config, site, "--for", "3", "--log-format", "json") as running:
        lines = [json.loads(line) for line in running.communicate(timeout=30)[1].splitlines()]
    (ran, *_) = [line for line in lines if line.get("check") == "mine"]
    assert (ran["status"], ran["level"], ran["logger"]) == ("ok", "info", "opskit")
    assert ran["seconds"] >= 0
    assert lines[0]["message"] == "started: 1 checks"


def test_cron_runs_what_is_due_and_gets_the_report_once_a_day(config: Path, site: Path) -> None:
    settings = json.loads(config.read_text())
    settings["report"] = {"daily_at": "00:00"}
    config.write_text(json.dumps(settings))
    write(site, "mine", 300)

    def once() -> str:
        command = [sys.executable, "-m", "opskit", "--config", str(config), "--definitions", str(site), "run", "--once"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout

    # There is no yesterday on the first day.
    assert (once(), once(), runs(site, "mine")) == ("", "", 1)
    with open_store(Path(settings["history"]["path"]), 1.0) as store:
        record(store, time.time() - 86_400, Status.OK, None, "of-yesterday")
    assert once().startswith("opskit, ")
    assert (once(), runs(site, "mine")) == ("", 1)


@pytest.mark.parametrize("set_by", [-3600, pytest.param(3600, marks=pytest.mark.drill)])
def test_where_the_clock_is_set_the_checks_go_on(config: Path, site: Path, tmp_path: Path, set_by: int) -> None:
    offset = tmp_path / "offset"
    offset.write_text("+0")
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    fake = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_CACHE_DURATION": "1"}
    with daemon(config, site, DONT_FAKE_MONOTONIC="1", **fake) as process:
        wait(lambda: runs(site, "mine") > 2)
        offset.write_text(f"{set_by:+}")
        time.sleep(2)  # one that was under way is counted
        before = runs(site, "mine")
        wait(lambda: runs(site, "mine") > before + 3)
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert f"the clock was set by {set_by} s, or" in log


@pytest.mark.parametrize("words", [("--once",), ("--for", "3")], ids=["cron", "daemon"])
def test_a_check_whose_file_breaks_is_no_longer_well(config: Path, site: Path, words: tuple[str, ...]) -> None:
    def run(*words: str) -> None:
        command = [sys.executable, "-m", "opskit", "--config", str(config), "--definitions", str(site), "run", *words]
        subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=True)

    run(*words)
    path = site / "checks" / "mine.yaml"
    sound = path.read_text()
    path.write_text(sound.replace("every: 1s", "every: soon"))
    run(*words)
    with open_store(Path(json.loads(config.read_text())["history"]["path"]), 1.0) as store:
        (incident,) = store.incidents(0, 9e12)
        (member,) = incident.members
        assert (member.check, member.hard, incident.closed_at) == ("mine", Status.UNKNOWN, None)
        assert "mine.yaml:" in str(member.items[0].text)
        again = time.time() + 300
        assert due([Check("mine", Text("s"), Text("w"), "plugin", (), 7 * 86_400.0, 5.0)], store.states(), again)
    path.write_text(sound)
    run("--for", "3")
    with open_store(Path(json.loads(config.read_text())["history"]["path"]), 1.0) as store:
        (incident,) = store.incidents(0, 9e12)
        assert (incident.status, incident.closed_at is None) == (Status.OK, False)


def test_where_all_workers_are_stuck_nobody_says_that_all_is_well(config: Path, site: Path, tmp_path: Path) -> None:
    for number in range(14):
        write(site, f"stuck-{number}", 1)
        path = site / "checks" / f"stuck-{number}.yaml"
        path.write_text(path.read_text().replace("echo fine", "sleep 4"))
    with manager(tmp_path) as sock:
        environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "600000"}
        with daemon(config, site, "--for", "9", **environ):
            until(sock, "WATCHDOG=1")
            signs = [time.monotonic()]
            while "STOPPING=1" not in (heard := sock.recv(4096).decode()):
                signs += [time.monotonic()] if "WATCHDOG=1" in heard else []
    assert max(later - earlier for earlier, later in itertools.pairwise([*signs, time.monotonic()])) > 2
