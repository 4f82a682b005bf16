"""`clear` through the whole program: the exit code is that of the result, the confirmed state ends later."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from opskit.history.sqlite import open_store
from opskit.model.status import Status
from tests.cli.conftest import ROOT

CHECK = """
summary: {en: The room is cool, zh: 机房温度正常}
why: {en: A test, zh: 测试}
probe: plugin
with: {command: [/bin/sh, -c, "echo \\"fine | temp=$(cat FILE)\\""]}
every: 60s
timeout: 5s
rules:
  - {metric: temp, crit: "30", clear: "27"}
"""


def test_a_state_ends_inside_of_clear_and_says_what_it_waits_for(config: Path, tmp_path: Path) -> None:
    value = tmp_path / "value"
    (tmp_path / "site" / "checks").mkdir(parents=True)
    (tmp_path / "site" / "checks" / "room.yaml").write_text(CHECK.replace("FILE", str(value)))
    history = Path(json.loads(config.read_text())["history"]["path"])
    command = [sys.executable, "-m", "opskit", "--config", str(config), "--definitions", str(tmp_path / "site")]

    def measured(temperature: float) -> tuple[int, Status, str]:
        value.write_text(str(temperature))
        done = subprocess.run([*command, "check", "room"], cwd=ROOT, capture_output=True, text=True, check=False)
        with open_store(history, 1.0) as store:
            state = store.state("room")
        assert state is not None
        return done.returncode, state.hard, done.stdout

    assert measured(25)[:2] == (0, Status.OK)
    assert measured(31)[:2] == (2, Status.CRITICAL)
    code, hard, said = measured(29)
    assert (code, hard) == (0, Status.CRITICAL)
    assert "OK: temp 29, not yet well: that begins at 27" in said.splitlines()
    status = subprocess.run([*command, "status"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert "CRITICAL" in status
    assert "temp 29, not yet well: that begins at 27 (seen OK, not confirmed)" in status
    assert measured(28)[:2] == (0, Status.CRITICAL)
    assert measured(26)[:2] == (0, Status.OK)
    assert measured(29)[:2] == (0, Status.OK)
