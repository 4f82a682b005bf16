"""`opskit lab`, as its user calls it: one lab up, looked at, broken, diagnosed, healed, drilled and down again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opskit.lab.process import birth_of

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def opskit_at_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """opskit as a user who has a home folder and no configuration; their lab ends with the tests."""
    home = tmp_path_factory.mktemp("home")
    drop = {"OPSKIT_CONFIG", "XDG_CONFIG_HOME", "XDG_STATE_HOME"}
    plain = {name: value for name, value in os.environ.items() if name not in drop}

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "opskit", *words],
            env={**plain, "HOME": str(home), "LC_ALL": "C.UTF-8", **more},
            capture_output=True,
            text=True,
            timeout=180,
        )

    try:
        yield run
    finally:
        run("lab", "down")


@pytest.fixture(scope="module")
def lab(opskit_at_home: Run) -> Run:
    done = opskit_at_home("lab", "up")
    assert done.returncode == 0, done.stderr
    assert "curl -N --cacert" in done.stdout
    return opskit_at_home


def test_status_names_every_part_with_its_port_and_log(lab: Run) -> None:
    told = json.loads(lab("lab", "status", "--json").stdout)
    assert told["up"] is True
    assert {row["part"]: row["state"] for row in told["parts"]} == dict.fromkeys(
        ("nginx", "clawdbot", "gateway", "ollama", "gpu", "kernel"), "answers"
    )
    assert all(Path(row["log"]).exists() for row in told["parts"])


def test_a_second_lab_does_not_collide(lab: Run) -> None:
    done = lab("lab", "up")
    assert done.returncode == 3
    assert "a lab is up" in done.stderr


def test_the_registry_has_the_published_shape(lab: Run) -> None:
    rows = json.loads(lab("lab", "faults", "--json").stdout)
    assert sum(not row["control"] for row in rows) >= 40
    assert sum(row["control"] for row in rows) >= 8
    assert all((row["cause"] is None) is row["control"] for row in rows)


def test_without_a_configuration_the_lab_is_looked_at_and_that_is_said(lab: Run, tmp_path: Path) -> None:
    done = lab("check", "clawdbot-health", "--no-record")
    assert done.returncode == 0
    assert "about the lab" in done.stderr
    (tmp_path / "opskit").mkdir()
    (tmp_path / "opskit" / "opskit.yaml").touch()
    own = lab("check", "clawdbot-health", "--no-record", XDG_CONFIG_HOME=str(tmp_path))
    assert own.returncode == 2
    assert "lab" not in own.stderr


def test_what_was_recorded_elsewhere_is_not_about_the_lab(lab: Run) -> None:
    bundle = str(Path(__file__).parents[2] / "sample_logs" / "gateway-killed")
    for words in (["triage", "--from", bundle], ["check", "certificate", "--from", bundle], ["logs", "formats"]):
        assert lab(*words).stderr == ""


def test_broken_diagnosed_and_healed(lab: Run) -> None:
    done = lab("lab", "break", "ollama-killed")
    assert done.returncode == 0
    assert "users see" in done.stdout
    found = lab("triage", "--json", "--no-input")
    assert json.loads(found.stdout)["cause"]["code"] == "OPS401"
    assert json.loads(lab("lab", "status", "--json").stdout)["faults"] == ["ollama-killed"]
    assert lab("lab", "heal").returncode == 0
    assert lab("lab", "status").returncode == 0
    assert lab("lab", "load", "--users", "2", "--seconds", "2").stdout.endswith(" s for 95 %\n")


def test_a_fault_that_nobody_knows_breaks_nothing(lab: Run) -> None:
    done = lab("lab", "break", "gateway-killed", "no-such-fault")
    assert done.returncode == 3
    assert "no-such-fault" in done.stderr
    assert lab("lab", "status").returncode == 0


def test_a_drill_is_scored(lab: Run, tmp_path: Path) -> None:
    path = tmp_path / "drill.json"
    done = lab("lab", "drill", "nginx-stopped", "control-scanner", "--seed", "1", "--json", str(path))
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(path.read_text())
    assert {"accuracy", "wilson_low", "false_accusations", "unknown_share", "p50_s", "p95_s", "runs"} <= set(told)
    assert [(run["fault"], run["truth"], run["verdict"]) for run in told["runs"]] == [
        ("nginx-stopped", "OPS101", "OPS101"),
        ("control-scanner", None, "healthy"),
    ]
    assert all(run["present"] and run["healed"] for run in told["runs"])
    assert "named the right cause: 100 % of 1 faults" in done.stdout


def test_down_is_down(lab: Run) -> None:
    pids = [row["pid"] for row in json.loads(lab("lab", "status", "--json").stdout)["parts"] if row["pid"]]
    assert lab("lab", "down").returncode == 0
    assert [pid for pid in pids if birth_of(pid) is not None] == []  # remains that nobody has reaped are no process
    assert lab("lab", "status").returncode == 3
    assert "no lab is up" in lab("lab", "down").stdout
