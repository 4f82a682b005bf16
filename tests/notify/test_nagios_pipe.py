"""Nagios' command file without a Nagios: nobody is waited for, and a line arrives whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opskit.model.settings import NagiosSettings
from opskit.model.status import Status
from opskit.notify.nagios_pipe import NagiosPipe
from opskit.notify.submission import Submission


def result(command: str = "[1] PROCESS_SERVICE_CHECK_RESULT;h;s;0;fine") -> Submission:
    return Submission("x", "h", "s", Status.OK, "fine", (), command, 1.0, 1.0, "h")


def submit(path: Path, *results: Submission) -> list[str]:
    return [str(text) for text in NagiosPipe(NagiosSettings(str(path))).submit(results)]


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "nagios.cmd")
    return tmp_path / "nagios.cmd"


def test_results_are_lines_in_their_order(pipe: Path) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert submit(pipe, result("[1] A;温度"), result("[2] B;\ud800")) == []
        assert os.read(reader, 9999).decode() == "[1] A;温度\n[2] B;?\n"
    finally:
        os.close(reader)


def test_a_pipe_that_nobody_reads_is_said_and_not_waited_for(pipe: Path) -> None:
    assert submit(pipe, result()) == [f"nobody reads {pipe}: Nagios is not running"]


def test_a_pipe_that_is_full_gives_up_the_rest(pipe: Path) -> None:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        long = result("x" * 4095)
        assert submit(pipe, *[long] * 30) == [f"{pipe} is full, Nagios does not read it: 14 results given up"]
        assert os.read(reader, 1 << 20).count(b"\n") == 16
    finally:
        os.close(reader)


def test_a_plain_file_in_its_place_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "nagios.cmd"
    path.write_text("left behind")
    assert submit(path, result()) == [f"{path} is no named pipe: nothing was submitted to Nagios"]
    assert path.read_text() == "left behind"


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    missing = tmp_path / "nagios.cmd"
    assert submit(missing, result()) == [f"the command file {missing} cannot be written: No such file or directory"]
    assert submit(tmp_path, result()) == [f"the command file {tmp_path} cannot be written: Is a directory"]
    assert not missing.exists()
