"""Starting, reloading, ending; config files that are wrong."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.lab.gateway.running import Gateway, events
from tests.lab.gateway.scripted_ollama import ScriptedOllama, item
from tests.lab.part_process import eventually


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("lissen: ':1'", "Object contains unknown field `lissen`"),
        ("defects: [no_such]", "Invalid enum value 'no_such' - at `$.defects[0]`"),
        ("auth: {valid_keys: [12345]}", "Expected `str`, got `int` - at `$.auth.valid_keys[0]`"),
        ("whitelist: {ips: [10.0.0.0/33]}", "whitelist.ips: '10.0.0.0/33' does not appear to be"),
        ("trusted_proxies: [nginx]", "trusted_proxies: 'nginx' does not appear to be"),
        ("listen: '18789'", "matching regex"),
        ("listen: ':99999'", "listen: no such port in ':99999'"),
        ("log: /nonexistent/gateway.log", "log: /nonexistent/gateway.log: No such file or directory"),
        ("a: [", "while parsing"),
        (None, "No such file or directory"),
    ],
)
def test_a_config_that_is_wrong_is_one_line_and_exit_code_2(tmp_path: Path, text: str | None, problem: str) -> None:
    file = tmp_path / "gateway.yaml"
    if text is not None:
        file.write_text(text)
    command = [sys.executable, "-m", "opskit.lab.gateway", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert problem in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken(gateway: Gateway, tmp_path: Path) -> None:
    gateway.start()
    command = [sys.executable, "-m", "opskit.lab.gateway", "--config", str(gateway.part.file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (2, f"listen 127.0.0.1:{gateway.port}: Address already in use\n")


def test_without_a_config_file_it_says_how(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "opskit.lab.gateway"], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (2, "usage: python -m opskit.lab.gateway --config FILE\n")


def test_a_hangup_keeps_counters_and_open_requests(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start(rate_limit={"max_requests": 3})
    ollama.steps = (item("a"), 1.0, item("b", done=True))
    with gateway.stream() as answer:
        lines = answer.iter_lines()
        next(lines)
        gateway.part.log.rename(gateway.part.log.with_suffix(".1"))
        gateway.reload(rate_limit={"max_requests": 2}, auth={"enabled": False})
        assert "data: [DONE]" in list(lines)
    assert [gateway.ask(key=None).status_code for _ in range(2)] == [200, 429]
    assert gateway.events("request.end")[0]["status"] == 200  # in the new file, as after a rotation


def test_a_hangup_with_a_bad_config_changes_nothing(gateway: Gateway) -> None:
    gateway.start()
    gateway.part.file.write_text("defects: [no_such]")
    gateway.part.child.send_signal(signal.SIGHUP)
    eventually(lambda: gateway.events("config.refused"))
    assert "no_such" in gateway.part.output.read_text()
    assert gateway.ask().status_code == 200


def test_the_end_is_clean_and_cuts_open_streams(gateway: Gateway, ollama: ScriptedOllama) -> None:
    gateway.start()
    ollama.steps = (item("a"), 60.0)
    texts: list[str] = []

    def listen() -> None:
        with gateway.stream() as answer:
            texts.append(answer.read().decode())

    listening = threading.Thread(target=listen)
    listening.start()
    eventually(lambda: ollama.asked)
    began = time.monotonic()
    assert gateway.part.stop() == 0
    assert time.monotonic() - began < 6
    listening.join()
    assert events(texts[0])[-1] == {"error": {"message": "the gateway is stopping, please try again later"}}
    assert gateway.end()["error"] == "the gateway is stopping, please try again later"
    assert gateway.part.output.read_text().count("Traceback") == 0


def test_log_level_is_about_events_and_not_about_requests(gateway: Gateway) -> None:
    gateway.start(log_level="error")
    gateway.ask()
    gateway.end()
    assert [line["event"] for line in gateway.part.lines()] == ["request.start", "request.end"]
