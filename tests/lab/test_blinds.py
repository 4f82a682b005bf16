"""Evidence taken away from triage: only that, only for triage, and only as long as it looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opskit.lab.blinds import BLINDS, blinded
from opskit.lab.faults import faults, pairs
from opskit.lab.plan import Plan
from opskit.lab.ports import Ports


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """A lab that is written and not started, with two lines in the gateway's log."""
    made = Plan(str(tmp_path / "stack"), Ports(*range(1, len(Ports.__struct_fields__) + 1)))
    made.config_file.parent.mkdir(parents=True, exist_ok=True)
    parts = ("nginx", "gateway", "ollama", "gpu", "host", "clawdbot")
    stack = {part: {"log": "/real", "access_log": "/real", "library": "/real"} for part in parts}
    made.config_file.write_text(json.dumps({"stack": stack}))
    made.logs["gateway"].parent.mkdir(parents=True, exist_ok=True)
    lines = [{"event": f"request.{event}", "request_id": "r1", "status": 200} for event in ("start", "end")]
    made.logs["gateway"].write_text("".join(json.dumps(line) + "\n" for line in lines))
    return made


def config(plan: Plan, *without: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with blinded(plan, without) as path:
        stack = json.loads(path.read_text())["stack"]
        log = Path(stack["gateway"]["log"])
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.is_file() else []
    assert not without or not path.exists()
    return stack, lines


def test_without_a_wish_nothing_is_taken_away(plan: Plan) -> None:
    with blinded(plan, ()) as path:
        assert path == plan.config_file
    assert plan.config_file.exists()


def test_each_blind_takes_its_own_evidence(plan: Plan) -> None:
    stack, _ = config(plan, "journal")
    assert "missing" in stack["ollama"]["log"]
    assert stack["nginx"]["access_log"] == "/real"
    stack, _ = config(plan, "nginx-logs", "nvml")
    assert "missing" in stack["nginx"]["access_log"]
    assert "missing" in stack["gpu"]["library"]
    assert stack["ollama"]["log"] == "/real"
    assert [line["event"] for line in config(plan, "gateway-starts")[1]] == ["request.end"]
    assert not any("request_id" in line for line in config(plan, "request-ids")[1])
    assert len(config(plan, *BLINDS)[1]) == 1
    assert "request.start" in plan.logs["gateway"].read_text()


def test_a_line_that_is_half_written_is_left_out(plan: Plan) -> None:
    with plan.logs["gateway"].open("a") as log:
        log.write('{"event": "request.end", "reque')
    assert [line["event"] for line in config(plan, "request-ids")[1]] == ["request.start", "request.end"]


def test_pairs_are_of_faults_that_exist_and_each_once() -> None:
    known = faults()
    found = pairs()
    assert len(found) == len(set(found)) == 45
    for name in found:
        one, other = (known[part] for part in name.split("+"))
        assert one.cause
        assert other.cause
        assert one.cause != other.cause
        assert not one.control
        assert not other.control
