"""Checks that are seldom due, in a process of their own: the same outcome, the same memory, nothing left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from opskit.app.apart import ran_apart
from opskit.app.context import Context, load_context
from opskit.app.memory import open_memory
from opskit.app.rounds import round_of
from opskit.model.status import Status
from opskit.schedule.plan import Plan

CHECK = """summary: Page
why: because
probe: plugin
with: {{command: [/bin/sh, -c, '{script}']}}
every: 2h
timeout: 5s
"""


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """A site with a history of its own."""
    (tmp_path / "opskit.yaml").write_text(f"history: {{path: {tmp_path}/history.db}}\n")
    (tmp_path / "checks").mkdir()
    return load_context(tmp_path / "opskit.yaml", tmp_path, None)


def written(context: Context, **scripts: str) -> Context:
    for name, script in scripts.items():
        (Path(str(context.definitions)) / "checks" / f"{name}.yaml").write_text(CHECK.format(script=script))
    return context.anew()


def test_the_outcome_is_the_one_that_was_remembered(context: Context) -> None:
    context = written(context, good="echo fine", bad="echo broken; exit 2")
    checks = context.checks()
    outcomes = ran_apart(context, (checks["bad"], checks["good"]))
    assert outcomes is not None
    found = {one.check.id: one for one in outcomes}
    assert {name: one.verdict.status for name, one in found.items()} == {"bad": Status.CRITICAL, "good": Status.OK}
    assert found["bad"].check == checks["bad"]
    with closing(open_memory(context)) as store:
        assert store.newest("bad") == found["bad"].verdict
        assert store.state("bad") == found["bad"].state
        assert len(store.unsettled()) == 1


def test_it_runs_what_is_in_force_and_not_what_the_files_say_by_now(context: Context) -> None:
    context = written(context, page="echo before")
    checks = context.checks()
    written(context, page="exit 2")
    (Path(str(context.config))).write_text("broken: [")
    (outcome,) = ran_apart(context, (checks["page"],)) or ()
    assert outcome.verdict.status is Status.OK


def test_bytes_that_are_no_text_and_a_lot_of_them_come_over(context: Context) -> None:
    context = written(context, page=r'printf "\377 broken\n"; head -c 300000 /dev/zero | tr "\0" "x"; exit 1')
    (outcome,) = ran_apart(context, (context.checks()["page"],)) or ()
    assert outcome.verdict.status is Status.WARNING


def test_a_history_that_cannot_be_written_is_told_by_the_outcome(context: Context, tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"no database" * 1000)
    context = written(context, page="echo fine")
    (outcome,) = ran_apart(context, (context.checks()["page"],)) or ()
    assert outcome.verdict.status is Status.OK
    assert "the history is not written" in str(outcome.trouble)


def test_where_it_fails_the_round_is_run_here(
    context: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    context = written(context, page="echo fine")
    check = context.checks()["page"]
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert ran_apart(context, (check,)) is None
    assert "a process of its own failed: exit code 1" in caplog.text
    round_of(context, Plan((check,), check.every, 0.0))
    with closing(open_memory(context)) as store:
        newest = store.newest("page")
    assert newest is not None
    assert newest.status is Status.OK


def test_a_probe_that_hangs_is_late_there_as_here(context: Context) -> None:
    context = written(context, page="sleep 60")
    check = msgspec.structs.replace(context.checks()["page"], timeout=1.0)
    began = time.monotonic()
    (outcome,) = ran_apart(context, (check,)) or ()
    assert outcome.verdict.status is Status.UNKNOWN
    assert outcome.verdict.late
    assert time.monotonic() - began < 20
    left = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert not [pid for pid in left if b"opskit.app.apart" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_the_daemon_itself_never_loads_what_a_certificate_takes(tmp_path: Path) -> None:
    (tmp_path / "opskit.yaml").write_text(
        f"history: {{path: {tmp_path}/history.db}}\ncertificates: {{files: [{tmp_path}/none.pem]}}\n"
    )
    script = (
        "import sys\nfrom pathlib import Path\nfrom opskit.app.context import load_context\n"
        "from opskit.app.daemon import Daemon\n"
        f"context = load_context(Path({str(tmp_path / 'opskit.yaml')!r}), None, None)\n"
        "Daemon(lambda: context, print).run(stop_after=24)\n"
        "print(' '.join(name for name in ('cryptography', 'tabulate', 'wcwidth') if name in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.strip() == ""
    with closing(open_memory(load_context(tmp_path / "opskit.yaml", None, None))) as store:
        newest = store.newest("certificate")
    assert newest is not None
    assert newest.status is Status.UNKNOWN
