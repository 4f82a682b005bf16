"""What the unit forbids to the service is nothing that the service does: its system calls, counted by strace."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from opskit.schedule.units import Host, service


def allowed() -> set[str]:
    """The calls that the unit's SystemCallFilter lets through, groups of systemd's spelled out."""
    unit = service(Host("/usr/bin/opskit"))
    told = subprocess.run(
        ["systemd-analyze", "--no-pager", "syscall-filter"], capture_output=True, text=True, check=True
    )
    groups: dict[str, set[str]] = {}
    for line in told.stdout.splitlines():
        if line.startswith("@"):
            members = groups.setdefault(line.strip(), set())
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.add(line.strip())
    found, waiting = set[str](), set(" ".join(re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE)).split())
    while waiting:
        word = waiting.pop()
        found.add(word)
        waiting |= groups.get(word, set()) - found
    return found


def test_nothing_that_checks_and_triage_do_is_forbidden(tmp_path: Path) -> None:
    (tmp_path / "opskit.yaml").write_text(f"history: {{path: {tmp_path}/history.db}}\n")
    program = [sys.executable, "-m", "opskit", "--config", str(tmp_path / "opskit.yaml")]
    used = set[str]()
    for words in (
        ["check", "--no-record"],
        ["triage", "--no-input", "--no-canary"],
        ["run", "--for", "1"],
        ["run", "--once"],
    ):
        seen = tmp_path / "seen"
        strace = ["strace", "-f", "-qq", "-e", "signal=none", "-c", "-U", "name", "-o", str(seen)]
        environ = {"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin:/usr/sbin"}
        done = subprocess.run(
            [*strace, *program, *words], env=environ, capture_output=True, text=True, timeout=120, check=False
        )
        if not seen.exists() or done.stderr.startswith("strace:"):
            pytest.skip("nobody may be traced here")
        lines = {line.strip() for line in seen.read_text().splitlines()}
        used |= {line for line in lines if re.fullmatch(r"[a-z0-9_]+", line)} - {"syscall", "total"}
    assert {"adjtimex", "clock_adjtime"} & used
    assert "memfd_create" in used, "what is seldom due runs in a process of its own"
    assert len(used) > 50
    assert used - allowed() == set()
