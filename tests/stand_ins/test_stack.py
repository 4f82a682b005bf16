"""The chain as a whole: what users see while parts are stopped, frozen or killed, and that nothing outlives a test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil

from opskit.lab import kernel as kernel_texts
from opskit.model.settings import Settings
from tests.stand_ins import ollama_texts
from tests.stand_ins.process import ROOT, listens
from tests.stand_ins.service import local_now
from tests.stand_ins.stack import PARTS, Stack

_DOOMED = """
import os, signal, sys
from pathlib import Path
from tests.stand_ins.stack import PARTS, Stack
with Stack(Path(sys.argv[1])) as stack:
    stack.freeze("nginx")
    groups = [stack.process(part).pid for part in PARTS]
    print(*groups, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_chat_and_api_work_end_to_end_and_the_directory_goes(tmp_path: Path) -> None:
    with Stack() as stack:
        status, seconds, text = stack.chat("hello", user="dave")
        assert (status, text) == (200, "You asked（你问）: hello")
        assert seconds < 5
        assert stack.api("hello").text == text
        assert '"user_id": "dave"' in stack.gateway_log.read_text()
        directory = stack.directory
    assert not directory.exists()


def test_parts_stop_and_start_and_die(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.stop("clawdbot")
        assert stack.chat().status == 502
        stack.start("clawdbot")
        assert stack.chat().status == 200
        stack.kill("nginx")
        assert stack.chat().status == 0
        stack.start("nginx")
        assert stack.chat().status == 200


def test_a_frozen_part_accepts_and_is_silent_until_thawed(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        stack.freeze("nginx")
        assert listens(stack.https_port)
        assert stack.chat(timeout=0.5).status == 0
        stack.thaw("nginx")
        assert stack.chat().status == 200


def test_an_answer_that_stops_in_the_middle_is_not_a_success(tmp_path: Path) -> None:
    with Stack(tmp_path, profile="recommended") as stack:
        stack.control["ollama"].set(fail_after=2)
        status, _, text = stack.chat()
        assert (status, text) == (0, "cut short after: You asked")


def test_logs_take_the_texts(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.say_ollama(ollama_texts.go_panic(local_now()))
    stack.say_kernel(kernel_texts.short_iso(local_now(), kernel_texts.xid_79()))
    assert stack.ollama_log.read_text().endswith("exit status 2\n")
    assert stack.kernel_log.read_text().endswith("off the bus.\n")


def test_a_child_process_sees_the_cards(tmp_path: Path) -> None:
    stack = Stack(tmp_path, gpus=2)
    stack.nvml.set(**{"gpu1.temp": 91})
    reader = "import pynvml as n; n.nvmlInit(); print(n.nvmlDeviceGetTemperature(n.nvmlDeviceGetHandleByIndex(1), 0))"
    assert stack.run(sys.executable, "-c", reader).stdout == "91\n"


def test_the_configuration_is_one_that_opskit_knows(tmp_path: Path) -> None:
    written = json.loads(Stack(tmp_path).write_config(tmp_path / "opskit.yaml", locale="zh_CN").read_text())
    known = json.loads(msgspec.json.encode(msgspec.convert(written, Settings)))
    assert known["locale"] == "zh_CN"
    sections = {**known["stack"], "certificates": known["certificates"]}
    for section, values in {**written["stack"], "certificates": written["certificates"]}.items():
        assert {name: sections[section].get(name) for name in values} == values


def test_a_killed_test_run_leaves_no_process(tmp_path: Path) -> None:
    doomed = subprocess.run(
        [sys.executable, "-c", _DOOMED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert doomed.returncode == -signal.SIGKILL, doomed.stderr
    groups = {int(word) for word in doomed.stdout.split()}
    assert len(groups) == len(PARTS)
    deadline = time.monotonic() + 5
    while alive := [pid for pid in psutil.pids() if _group(pid) in groups]:
        assert time.monotonic() < deadline, alive
        time.sleep(0.02)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1
