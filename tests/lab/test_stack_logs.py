"""The lab's logs: rotated, emptied, written to by what strangers and the kernel do."""

from __future__ import annotations

from opskit.lab.acts import perform
from opskit.lab.stack import Stack
from opskit.lab.users import ask, knock
from tests.lab.part_process import eventually


def request(stack: Stack) -> None:
    assert knock(stack.plan, 1, "/api/chat") in range(400, 500)


def test_rotated_logs_are_gone_on_with(lab):
    request(lab)
    lab.rotate()
    access = lab.plan.logs["nginx"]
    old = access.with_name("access.log.1").read_bytes()
    assert b"/api/chat" in old
    assert access.read_bytes() == b""
    request(lab)
    eventually(lambda: b"/api/chat" in access.read_bytes(), "the fresh log stays empty")
    assert access.with_name("access.log.1").read_bytes() == old


def test_emptied_logs_begin_at_their_beginning(lab):
    request(lab)
    lab.rotate()
    lab.append("kernel", "something bad")
    lab.clear_logs()
    for name, log in lab.plan.logs.items():
        assert not list(log.parent.glob(f"{log.name}.*"))
        assert name == "kernel" or log.stat().st_size == 0
    assert "something bad" not in lab.plan.logs["kernel"].read_text()
    assert "NVRM: loading" in lab.plan.logs["kernel"].read_text()
    assert ask(lab.plan, 1).outcome == "fine"
    for name in ("nginx", "gateway", "clawdbot"):
        log = lab.plan.logs[name]
        eventually(lambda log=log: log.stat().st_size > 0, f"{log} stays empty")
        assert b"\0" not in log.read_bytes()


def test_acts_leave_their_traces(lab):
    perform(lab, "kernel oom-kill")
    assert "Out of memory: Killed process" in lab.plan.logs["kernel"].read_text()
    lab.clear_logs()
    perform(lab, "knock 5")
    eventually(lambda: lab.plan.logs["nginx"].read_text().count('"POST /v1/chat/completions HTTP/1.1" 40') == 5)
    perform(lab, "scan 7")
    eventually(lambda: '"GET /.env HTTP/1.1"' in lab.plan.logs["nginx"].read_text())
