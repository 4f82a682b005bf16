"""However a lab ends, nothing of it goes on."""

from __future__ import annotations

import os
import signal
import socket
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from opskit.lab import process
from opskit.lab.plan import PARTS
from opskit.lab.process import children_of
from opskit.lab.record import LabError, load
from opskit.lab.stack import Stack, fresh
from opskit.lab.users import ask
from tests.lab.part_process import eventually
from tests.lab.running_lab import end_all, lab_in, processes_of, take_out


@pytest.fixture
def own_lab(tmp_path: Path):
    """A lab that the test may ruin; it has been asked once, so that its model is loaded."""
    with lab_in(tmp_path) as stack:
        assert ask(stack.plan, 1).outcome == "fine"
        yield stack


def gone(stack: Stack) -> bool:
    return eventually(lambda: processes_of(stack.plan.root) == {}, str(processes_of(stack.plan.root)))


def test_frozen_parts_do_not_hold_up_the_end(own_lab):
    for part in ("runner", *PARTS):
        own_lab.freeze(part)
    own_lab.down()
    assert gone(own_lab)
    assert load(own_lab.plan.root) is None
    assert own_lab.plan.logs["nginx"].exists()


def test_workers_whose_master_was_killed_do_not_go_on(own_lab):
    master = own_lab.record.running["nginx"].pid
    (worker,) = children_of(master)
    os.kill(master, signal.SIGKILL)
    eventually(lambda: own_lab.record.state_of("nginx") == "down")
    assert process.birth_of(worker) is not None
    take_out(own_lab)
    assert process.birth_of(worker) is None
    assert ask(own_lab.plan, 1).outcome == "fine"
    os.kill(own_lab.record.running["nginx"].pid, signal.SIGKILL)
    eventually(lambda: own_lab.record.state_of("nginx") == "down")
    own_lab.down()
    assert gone(own_lab)


def test_a_frozen_runner_whose_ollama_was_killed_does_not_go_on(own_lab):
    (runner,) = own_lab._pids("runner")
    own_lab.freeze("runner")
    own_lab.kill("ollama")
    assert process.birth_of(runner) is not None
    take_out(own_lab)
    assert process.birth_of(runner) is None
    assert ask(own_lab.plan, 1).outcome == "fine"
    own_lab.freeze("runner")
    own_lab.kill("ollama")
    own_lab.down()
    assert gone(own_lab)


def test_a_runner_that_is_in_use_survives_healing(own_lab):
    before = own_lab._pids("runner")
    own_lab.kill("gateway")
    take_out(own_lab)
    assert own_lab._pids("runner") == before


def test_who_reads_the_labs_logs_meanwhile_is_left_alone(own_lab, tmp_path):
    reader = process.start(["tail", "-f", str(own_lab.plan.logs["ollama"])], tmp_path / "tail.out", os.environ)
    try:
        own_lab.down()
        assert reader.alive()
    finally:
        reader.kill()


def test_a_port_that_is_taken_is_told_and_nothing_is_left_running(tmp_path):
    stack = fresh(tmp_path / "stack", remembered=False)
    with socket.create_server(("127.0.0.1", stack.plan.ports.gateway)):
        try:
            with pytest.raises(LabError, match=r"gateway ended: .*Address already in use"):
                stack.up()
            assert gone(stack)
            assert load(stack.plan.root) is None
        finally:
            end_all(tmp_path)


def test_a_stranger_that_answers_at_a_port_does_not_pass_for_a_part(tmp_path):
    stack = fresh(tmp_path / "stack", remembered=False)
    stranger = ThreadingHTTPServer(("127.0.0.1", stack.plan.ports.gateway), SimpleHTTPRequestHandler)
    threading.Thread(target=stranger.serve_forever, daemon=True).start()
    try:
        with pytest.raises(LabError, match=r"gateway ended: .*Address already in use"):
            stack.up()
        assert gone(stack)
    finally:
        stranger.shutdown()
        stranger.server_close()
        end_all(tmp_path)


def test_a_site_that_nginx_refuses_is_told_and_nothing_is_left_running(tmp_path):
    stack = fresh(tmp_path / "stack", remembered=False)
    broken = msgspec.structs.replace(stack.plan, changes={"nginx": {"server": "no_such_directive on;"}})
    stack.record = msgspec.structs.replace(stack.record, plan=broken)
    try:
        with pytest.raises(LabError, match=r'nginx ended: .*unknown directive "no_such_directive"'):
            stack.up()
        assert gone(stack)
    finally:
        end_all(tmp_path)


def test_a_folder_may_have_blanks_and_chinese_in_its_name(tmp_path):
    folder = tmp_path / "my lab; 实验"
    folder.mkdir()
    with lab_in(folder) as stack:
        assert ask(stack.plan, 1, "api").outcome == "fine"
        stack.down()
        assert gone(stack)


def test_a_lab_that_is_up_is_not_started_again_in_its_folder(own_lab):
    with pytest.raises(LabError, match="a lab is up in"):
        Stack(fresh(own_lab.plan.root).record).up()
    assert {own_lab.record.state_of(part) for part in PARTS} == {"up"}
    assert load(own_lab.plan.root) == own_lab.record


def test_a_lab_of_the_other_kind_of_everything(tmp_path):
    stack = fresh(tmp_path / "stack", remembered=False)
    other = msgspec.structs.replace(stack.plan, profile="recommended", generation="0.12", gpus=2)
    stack.record = msgspec.structs.replace(stack.record, plan=other)
    try:
        stack.up()
        assert ask(stack.plan, 1).outcome == "fine"
        assert "uht=" in eventually(stack.plan.logs["nginx"].read_text)
    finally:
        stack.down()
        end_all(tmp_path)
