"""Incidents as an operator meets them: the mail, its thread, what keeps it back, and why there was none."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.alerted import make_site, with_mail
from tests.cli.conftest import ROOT, Run
from tests.notify.mail_server import MailServer, Rules


@pytest.fixture
def mails() -> Iterator[MailServer]:
    server = MailServer(Rules(), "none", ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def site(config: Path, mails: MailServer, tmp_path: Path) -> tuple[Path, Path]:
    with_mail(config, mails.port)
    return make_site(tmp_path)


@contextmanager
def daemon(config: Path, site: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "opskit", "--config", str(config), "--definitions", str(site), "run"]
    running = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "LC_ALL": "C"}, stderr=subprocess.PIPE, text=True)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def wait(condition: Callable[[], object], seconds: float = 40.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.1)


def text_of(mail: object) -> str:
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")  # type: ignore[attr-defined]


def test_the_mail_says_what_it_is_why_and_what_to_do_and_the_end_comes_in_its_thread(
    config: Path, site: tuple[Path, Path], mails: MailServer
) -> None:
    folder, bad = site
    with daemon(config, folder) as running:
        wait((config.parent / "state" / "history.db").exists)
        time.sleep(1)
        assert mails.raw == []
        bad.touch()
        wait(lambda: mails.raw)
        bad.unlink()
        wait(lambda: len(mails.raw) == 2)
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0
    problem, recovery = mails.mails
    text = text_of(problem)
    assert text.startswith("CRITICAL: The thing is there\n\n  CRITICAL: it broke\n")
    for line in (
        "  FAULT OPS901, layer site, certain",
        "  Somebody put the file there",
        "    thing.text = it broke",
        f"         rm {bad}",
    ):
        assert line in text.splitlines()
    assert text_of(recovery).startswith("OK again after ")
    assert problem["Subject"] == recovery["Subject"]
    assert problem["References"] == recovery["References"]
    assert [mail["X-Opskit-Kind"] for mail in mails.mails] == ["problem", "recovery"]


def test_without_a_daemon_a_check_tells_what_it_confirms(
    opskit: Run, site: tuple[Path, Path], mails: MailServer
) -> None:
    folder, bad = site
    bad.touch()
    assert opskit("--definitions", str(folder), "check", "mine").returncode == 2
    assert len(mails.raw) == 1
    bad.unlink()
    assert opskit("--definitions", str(folder), "check", "mine").returncode == 0
    assert [mail["X-Opskit-Kind"] for mail in mails.mails] == ["problem", "recovery"]


def test_where_a_daemon_runs_it_tells(opskit: Run, config: Path, site: tuple[Path, Path], mails: MailServer) -> None:
    from opskit.history.sqlite import open_store

    folder, bad = site
    with open_store(config.parent / "state" / "history.db", time.time()) as store:
        store.heartbeat("run", time.time())
    bad.touch()
    assert opskit("--definitions", str(folder), "check", "mine").returncode == 2
    assert mails.raw == []


def test_list_and_explain_tell_the_story(opskit: Run, site: tuple[Path, Path], mails: MailServer) -> None:
    folder, bad = site
    mails.rules.answers = ["451 4.7.1 later"]
    bad.touch()
    opskit("--definitions", str(folder), "check", "mine")
    listed = opskit("--definitions", str(folder), "alerts", "list")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.splitlines()[0].split() == ["ID", "STATE", "SINCE", "LASTS", "CHECKS", "TOLD"]
    assert listed.stdout.splitlines()[1].split()[:2] == ["1", "CRITICAL"]
    explained = opskit("--definitions", str(folder), "alerts", "explain", "1").stdout
    assert "mine: - -> CRITICAL: it broke" in explained
    assert "told: a new incident" in explained
    assert "email problem: waits, 1 attempts, next " in explained
    assert "451 4.7.1 later" in explained
    assert "Now: no notice: it was told, and nothing has changed" in explained
    whole = json.loads(opskit("--definitions", str(folder), "alerts", "explain", "1", "--json").stdout)
    assert [flip["after"] for flip in whole["flips"]] == ["critical"]
    assert [one["reason"] for one in whole["decisions"]] == ["problem"]
    assert whole["notices"][0]["error"].endswith("451 4.7.1 later")
    answer = json.loads(opskit("alerts", "list", "--json").stdout)
    assert [one["id"] for one in answer["incidents"]] == [1]


def test_who_acknowledges_hears_nothing_until_it_is_over(
    opskit: Run, site: tuple[Path, Path], mails: MailServer
) -> None:
    folder, bad = site
    bad.touch()
    opskit("--definitions", str(folder), "check", "mine")
    done = opskit("--definitions", str(folder), "alerts", "ack", "1", "--for", "2h", "--note", "disk ordered")
    assert done.returncode == 0
    assert done.stdout.startswith("incident 1 is acknowledged until ")
    explained = opskit("--definitions", str(folder), "alerts", "explain", "1").stdout
    assert "disk ordered" in explained
    assert "somebody has acknowledged it" in explained
    assert "no longer acknowledged" in opskit("alerts", "ack", "1", "--undo").stdout
    bad.unlink()
    opskit("--definitions", str(folder), "check", "mine")
    over = opskit("alerts", "ack", "1")
    assert (over.returncode, over.stdout) == (3, "")
    assert "incident 1 is over" in over.stderr
    assert "there is no incident 9; the newest are 1" in opskit("alerts", "ack", "9").stderr


def test_a_silence_is_kept_shown_and_ended(opskit: Run, site: tuple[Path, Path], mails: MailServer) -> None:
    folder, bad = site
    begun = opskit("--definitions", str(folder), "alerts", "silence", "mi*", "--for", "1h", "--note", "moving")
    assert begun.stdout.startswith("silence 1: nothing is sent about mi* until ")
    bad.touch()
    opskit("--definitions", str(folder), "check", "mine")
    assert mails.raw == []
    assert "moving" in opskit("alerts", "list").stdout
    assert "a silence or a downtime covers it" in opskit("--definitions", str(folder), "alerts", "explain", "1").stdout
    assert opskit("alerts", "silence", "--end", "1").stdout == "silence 1 is over\n"
    opskit("--definitions", str(folder), "check", "mine")
    assert len(mails.raw) == 1
    slip = opskit("--definitions", str(folder), "alerts", "silence", "mien")
    assert (slip.returncode, slip.stdout) == (3, "")
    assert "no check matches 'mien'; there are mine" in slip.stderr
    assert "there is no silence 7" in opskit("alerts", "silence", "--end", "7").stderr


def test_a_channel_is_tried_at_once(opskit: Run, site: tuple[Path, Path], mails: MailServer) -> None:
    tried = opskit("alerts", "test", "email")
    assert (tried.returncode, tried.stdout) == (0, "email: accepted\n")
    assert "nothing is wrong" in text_of(mails.mails[0])
    mails.rules.answers = ["550 5.7.1 no"]
    refused = opskit("alerts", "test", "email")
    assert refused.returncode == 2
    assert "email: not accepted: 127.0.0.1:" in refused.stdout
    unknown = opskit("alerts", "test", "pigeon")
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "there is no channel 'pigeon' in the configuration; there are email" in unknown.stderr


def test_nothing_to_list_is_said(opskit: Run) -> None:
    assert opskit("alerts", "list").stdout == "no incident in that time\n"
