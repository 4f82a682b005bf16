"""Whatever goes wrong with opskit itself is 3 on one line, and never a traceback."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PLUGIN_MISTAKES = [
    ["check", "--bogus"],
    ["check", "nope"],
    ["check", "gpu-memory", "--timeout", "soon"],
    ["check", "--timeout", "nan"],
    ["check", "--output", "xml"],
    ["check", "--from", "no/such/bundle"],
    ["triage", "no-such-playbook"],
    ["triage", "--from", "no/such/bundle"],
    ["triage", "--bogus"],
    ["status", "--bogus"],
]
OTHER_MISTAKES = [
    ["--bogus"],
    ["bogus"],
    ["logs", "top"],
    ["logs", "top", "x.log", "--by", "nonsense"],
    ["logs", "top", "x.log", "--status", "4xy"],
    ["logs", "top", "x.log", "--since", "whenever"],
    ["report", "daily", "--date", "32.13.2026"],
    ["snapshot"],
    ["demo", "no/such/folder"],
]


@pytest.mark.parametrize("words", PLUGIN_MISTAKES, ids=" ".join)
def test_a_mistake_in_a_plugin_command_is_unknown_on_stdout(opskit, words):
    done = opskit(*words)
    assert done.returncode == 3
    assert done.stdout.startswith("UNKNOWN - ")
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.mark.parametrize("words", OTHER_MISTAKES, ids=" ".join)
def test_a_mistake_in_another_command_is_said_on_stderr(opskit, words):
    done = opskit(*words)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("opskit: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stack: {ngnix: {}}", "unknown key 'ngnix', did you mean 'nginx'?"),
        ("notify: {email: {to: [], sender: a@b}}", "notify.email.to: expected at least one address"),
        ("locale: fr", "locale"),
        ("stack: [1", "not valid YAML"),
        ("\x00", "control character"),
    ],
)
def test_a_broken_configuration_is_named_with_its_line(opskit, tmp_path, text, said):
    bad = tmp_path / "bad.yaml"
    bad.write_text(text)
    done = opskit("check", given=bad)
    assert done.returncode == 3
    assert str(bad) in done.stdout
    assert said in done.stdout


def test_a_configuration_that_is_asked_for_must_exist(opskit, tmp_path):
    done = opskit("check", given=tmp_path / "absent.yaml")
    assert done.returncode == 3
    assert "absent.yaml" in done.stdout


@pytest.mark.parametrize("words", [["--help"], ["check", "--help"], ["logs", "top", "--help"], ["--version"]])
def test_help_is_not_an_error(opskit, words):
    done = opskit(*words)
    assert done.returncode == 0
    assert done.stdout


def test_a_reader_that_goes_away_is_no_error(config):
    command = f"{sys.executable} -m opskit --config {config} check --no-record | head -c 10"
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""


def test_a_full_disk_behind_stdout_is_unknown(config):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "opskit", "--config", str(config), "check", "--no-record"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert "No space left" in done.stderr


def test_an_interrupt_ends_the_program_at_once_and_leaves_no_child(config, tmp_path):
    server = subprocess.Popen([sys.executable, "-c", _SILENT, str(tmp_path / "port")])
    try:
        port = _port(tmp_path / "port")
        settings = json.loads(config.read_text())
        settings["stack"]["clawdbot"]["url"] = f"http://127.0.0.1:{port}"
        config.write_text(json.dumps(settings))
        child = subprocess.Popen(
            [sys.executable, "-m", "opskit", "--config", str(config), "check", "clawdbot-health", "--no-record"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        time.sleep(1.0)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=10)
        assert child.returncode == 130
    finally:
        server.kill()
        server.wait()


def test_secrets_in_a_crash_do_not_reach_the_output(opskit, tmp_path):
    settings = json.loads((tmp_path / "opskit.yaml").read_text())
    settings["stack"]["clawdbot"]["url"] = "http://user:hunter2-secret@127.0.0.1:9"
    (tmp_path / "opskit.yaml").write_text(json.dumps(settings))
    done = opskit("check", "clawdbot-health", "--json")
    assert "hunter2" not in done.stdout + done.stderr


_SILENT = """
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
open(sys.argv[1] + ".new", "w").write(str(listener.getsockname()[1]))
import os; os.replace(sys.argv[1] + ".new", sys.argv[1])
time.sleep(60)
"""


def _port(path: Path) -> int:
    for _ in range(200):
        if path.exists():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError("the server did not start")
