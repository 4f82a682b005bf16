"""The fire drill: faults are really in, triage does not know which, all is well afterwards, and the proof can fail."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from opskit.lab import drill
from opskit.lab.drill import break_in, run_one, triage, users_ask
from opskit.lab.faults import Fault, faults
from opskit.lab.record import LabError
from opskit.lab.users import ask
from opskit.model.text import Text
from tests.lab.running_lab import eventually, take_out


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer users before and a shorter look around: what is tested here does not depend on either."""
    monkeypatch.setattr(drill, "users_ask", partial(users_ask, count=6))
    monkeypatch.setattr(drill, "_SETTLE_S", 1.0)


@pytest.mark.parametrize("name", ["nginx-stopped", "gateway-key-rotated", "ollama-killed"])
def test_a_fault_is_present_named_and_healed(lab, name):
    run = run_one(lab, name, faults()[name], 1)
    assert run.present, run
    assert run.healed, run
    assert run.right, run
    assert (run.fault, run.truth, run.control) == (name, faults()[name].cause, False)
    assert 0 < run.seconds < 60
    assert lab.record.broken == ()


@pytest.mark.parametrize("name", ["control-healthy", "control-yesterdays-oom"])
def test_a_control_accuses_nobody(lab, name):
    run = run_one(lab, name, faults()[name], 1)
    assert run.present, run
    assert run.healed, run
    assert run.right, run
    assert run.named is None


def test_a_fault_that_is_not_really_in_is_not_present(lab):
    nothing = Text("nothing", "无")
    pretended = Fault("nginx", nothing, nothing, ("error", "wait"), cause="OPS101")
    run = run_one(lab, "control-healthy", pretended, 1)
    assert not run.present
    assert run.healed
    assert not run.right
    assert set(run.users) <= {"fine", "slow"}


def test_a_lab_that_does_not_get_well_is_not_called_healed(lab, monkeypatch):
    monkeypatch.setattr(drill, "_WELL_S", 2.0)
    monkeypatch.setattr(lab, "restore", lambda: None)
    stays = Fault("nginx", Text("a"), Text("a"), ("error",), cause="OPS101", acts=("stop nginx",))
    monkeypatch.setitem(faults(), "stays", stays)
    run = run_one(lab, "stays", stays, 1)
    assert run.present
    assert not run.healed
    monkeypatch.undo()
    take_out(lab)
    assert ask(lab.plan, 1).outcome == "fine"


def test_whatever_goes_wrong_the_lab_is_healed(lab, monkeypatch):
    broken = Fault("nginx", Text("a"), Text("a"), ("error",), acts=("stop clawdbot", "explode nginx"))
    monkeypatch.setitem(faults(), "half-way", broken)
    with pytest.raises(LabError, match="there is no act 'explode'"):
        run_one(lab, "half-way", broken, 1)
    assert lab.record.state_of("clawdbot") == "up"
    assert lab.record.broken == ()


def processes_saying(word: str) -> list[Path]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and word.encode() in (entry / "cmdline").read_bytes().split(b"\0"):
                found.append(entry)
    return found


def test_triage_gets_a_configuration_that_says_nothing_of_the_fault(lab):
    before = lab.plan.config_file.read_bytes()
    break_in(lab, ["gateway-key-rotated"])
    assert lab.plan.config_file.read_bytes() == before
    asking = threading.Thread(target=triage, args=(lab,))
    asking.start()
    try:
        config = str(lab.plan.config_file)
        (entry,) = eventually(lambda: [seen for seen in processes_saying("triage") if config in words(seen)])
        environment = (entry / "environ").read_bytes()
        inside = list((entry / "cwd").iterdir())
        assert words(entry)[1:] == ["-P", "-m", "opskit", "--config", config, "triage", "--json", "--no-input"]
    finally:
        asking.join()
    assert inside == []
    for secret in (b"gateway-key-rotated", b"OPS203", b"rotated", b"lab.json"):
        assert secret not in environment
        assert secret not in before
    assert all(name not in before.decode() for name in faults())
    assert "gateway-key-rotated" in (lab.plan.root / "lab.json").read_text()


def words(entry: Path) -> list[str]:
    with suppress(OSError):
        return (entry / "cmdline").read_bytes().decode().split("\0")[:-1]
    return []


def test_what_triage_looks_at_does_not_name_the_fault(lab):
    break_in(lab, ["gateway-key-rotated"])
    ask(lab.plan, 1)
    for name, log in lab.plan.logs.items():
        assert "gateway-key-rotated" not in log.read_text("utf-8", "replace"), name
    for file in lab.plan.root.rglob("*"):
        if file.is_file() and file.name != "lab.json":
            assert b"gateway-key-rotated" not in file.read_bytes(), file


def test_a_triage_that_says_nothing_is_not_taken_for_an_answer(lab, tmp_path):
    os.rename(lab.plan.config_file, tmp_path / "away")
    try:
        with pytest.raises(LabError, match=r"triage did not say what it found: .*opskit\.yaml"):
            triage(lab)
    finally:
        os.rename(tmp_path / "away", lab.plan.config_file)
