"""The fire drill: faults are really in, triage does not know which, all is well afterwards, and the proof can fail."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from opskit.cli.exits import guarded
from opskit.lab import drill
from opskit.lab.drill import Wish, break_in, heal, run_one, triage, users_ask
from opskit.lab.faults import Fault, faults
from opskit.lab.plan import Plan
from opskit.lab.record import LabError, load
from opskit.lab.users import Noticed, ask
from opskit.model.text import Text
from tests.lab.part_process import eventually


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer users before and a shorter look around: what is tested here does not depend on either."""
    monkeypatch.setattr(drill, "users_ask", partial(users_ask, count=6))
    monkeypatch.setattr(drill, "_SETTLE_S", 1.0)


def test_a_fault_is_present_named_and_healed(lab):
    name = "gateway-key-rotated"
    run, _ = run_one(lab, name, 1)[0]
    assert run.present, run
    assert run.healed, run
    assert run.right, run
    assert (run.fault, run.truth, run.control) == (name, faults()[name].cause, False)
    assert 0 < run.seconds < 60
    assert lab.record.broken == ()


def test_the_command_prints_each_run_and_the_score_and_writes_json(lab, tmp_path, capsys):
    code = guarded(["--lang", "en", "lab", "drill", "nginx-stopped", "--json", str(tmp_path / "drill.json")])
    lab.record = load(lab.plan.root)
    printed = capsys.readouterr()
    assert code == 0, printed
    assert printed.err.startswith("1/1 right nginx-stopped: OPS101 / OPS101, ")
    assert "named the right cause: 100 % of 1 faults (95 %: from 21 % to 100 %)" in printed.out
    told = json.loads((tmp_path / "drill.json").read_text())
    assert (told["accuracy"], told["false_accusations"], told["not_present"], told["not_healed"]) == (1.0, 0, 0, 0)
    assert [(run["fault"], run["verdict"]) for run in told["runs"]] == [("nginx-stopped", "OPS101")]
    assert told["runs"][0]["users"]["error"] > 0


def test_the_command_fails_where_the_fault_was_not_there(lab, monkeypatch, capsys):
    absent = Fault("nginx", Text("a"), Text("a"), ("error",), cause="OPS101")
    monkeypatch.setitem(faults(), "absent", absent)
    assert guarded(["--lang", "en", "lab", "drill", "absent"]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("1/1 WRONG absent: OPS101 / ")
    assert "not present: 1, not healed: 0" in printed.out


@pytest.mark.parametrize("name", ["control-healthy", "control-yesterdays-oom"])
def test_a_control_accuses_nobody(lab, name):
    run, _ = run_one(lab, name, 1)[0]
    assert run.present, run
    assert run.healed, run
    assert run.right, run
    assert run.named is None


def test_two_faults_at_once_are_both_in_and_what_triage_said_is_kept(lab, tmp_path):
    name = "clawdbot-killed+ollama-killed"
    (run,) = drill.drill(lab, [name], Wish(1, 1, tmp_path / "kept"))
    assert (run.fault, run.truth, run.beside) == (name, faults()["clawdbot-killed"].cause, "OPS401")
    assert run.present, run
    assert run.healed, run
    assert run.right, run
    told = json.loads((tmp_path / "kept" / f"{name}-1.json").read_text())
    assert told["cause"]["code"] == run.named
    assert {one["code"] for one in told["also_seen"]} == set(run.also)


def test_a_lab_that_does_not_get_well_is_not_called_healed(lab, monkeypatch):
    monkeypatch.setattr(drill, "_WELL_S", 1.0)
    monkeypatch.setattr(lab, "restore", lambda: None)
    stays = Fault("nginx", Text("a"), Text("a"), ("error",), cause="OPS101", acts=("stop nginx",))
    monkeypatch.setitem(faults(), "stays", stays)
    run, _ = run_one(lab, "stays", 1)[0]
    assert run.present
    assert not run.healed
    monkeypatch.undo()
    assert heal(lab)


def test_whoever_looks_whether_all_is_well_is_somebody_else_each_time(lab, monkeypatch):
    people: list[int] = []

    def noting(plan: Plan, number: int, *more: object) -> Noticed:
        people.append(number)
        return ask(plan, number, *more)

    monkeypatch.setattr(drill, "ask", noting)
    monkeypatch.setattr(drill, "_WELL_S", 1.5)
    lab.stop("gateway")
    assert not drill.is_well(lab)
    assert len(set(people)) == len(people) >= 6


def test_whatever_goes_wrong_the_lab_is_healed(lab, monkeypatch):
    broken = Fault("nginx", Text("a"), Text("a"), ("error",), acts=("stop clawdbot", "explode nginx"))
    monkeypatch.setitem(faults(), "half-way", broken)
    with pytest.raises(LabError, match="there is no act 'explode'"):
        run_one(lab, "half-way", 1)
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
    lab.plan.config_file.rename(tmp_path / "away")
    try:
        with pytest.raises(LabError, match=r"triage did not say what it found: .*opskit\.yaml"):
            triage(lab)
    finally:
        (tmp_path / "away").rename(lab.plan.config_file)
