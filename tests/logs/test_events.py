"""Model-server and kernel logs to events, with the times of lines that have none."""

from __future__ import annotations

import json
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opskit.logs import kernel, ollama

CHINA = timezone(timedelta(hours=8))
AT = 1795323601.0
GIN = '[GIN] 2026/11/22 - 13:00:01 | 200 |  1.5s | 127.0.0.1 | POST     "/api/chat"'
SLOG = 'time=2026-11-22T13:00:01.500+08:00 level=INFO source=s.go:1 msg="llama runner terminated" error="exit status 2"'


def test_access_lines_are_events_even_when_all_is_well() -> None:
    (event,) = ollama.events(GIN.encode(), 7, CHINA)
    assert (event.at, event.label, event.line) == (AT, "ok", 7)
    assert event.request is not None
    assert (event.request.status, event.request.duration_s, event.request.path) == (200, 1.5, "/api/chat")
    assert (event.request.client, event.request.method) == ("127.0.0.1", "POST")


def test_a_line_without_time_has_that_of_the_line_before_or_else_of_the_next() -> None:
    data = f"panic: early\nsrv  idle\n{GIN}\nGGML_ASSERT(x) failed\r\n\n{SLOG}\nCUDA error: x".encode()
    assert [(event.label, event.at, event.line) for event in ollama.events(data, 1, CHINA)] == [
        ("panic", AT, 1),
        ("ok", AT, 3),
        ("panic", AT, 4),
        ("crash", AT + 0.5, 6),
        ("gpu-fault", AT + 0.5, 7),
    ]


def test_a_log_without_any_time_gives_none() -> None:
    assert [event.at for event in ollama.events(b"panic: x\n\xff\x00", 1, CHINA)] == [None]


def test_journal_json_has_its_time_even_when_the_message_is_bytes() -> None:
    rows = [
        {"MESSAGE": "panic: x", "__REALTIME_TIMESTAMP": "1795323601000000"},
        {"MESSAGE": list(b"\x1b[31mpanic: \xff\x1b[0m"), "__REALTIME_TIMESTAMP": "1795323602000000"},
        {"MESSAGE": None, "__REALTIME_TIMESTAMP": "1795323602000000"},
    ]
    data = "\n".join(map(json.dumps, rows)).encode()
    assert [(event.label, event.at) for event in ollama.events(data, 1, UTC)] == [("panic", AT), ("panic", AT + 1)]


@pytest.mark.parametrize(
    ("line", "base_at", "at"),
    [
        ("2026-11-22T13:00:01+0800 gpu1 ollama[1]: panic: x", None, AT),
        ("Nov 22 13:00:01 gpu1 ollama[1]: panic: x", None, None),
        ("Nov 22 13:00:01 gpu1 ollama[1]: panic: x", AT + 60, AT),
        ("Nov 22 13:00:01 gpu1 ollama[1]: " + SLOG, None, AT + 0.5),
        ('{"log":"panic: x\\n","stream":"stderr","time":"2026-11-22T05:00:01Z"}', None, AT),
    ],
)
def test_the_envelope_gives_a_time_where_the_line_has_none(line: str, base_at: float | None, at: float | None) -> None:
    assert [event.at for event in ollama.events(line.encode(), 1, CHINA, base_at)] == [at]


def test_the_text_of_an_event_has_no_prompt() -> None:
    (event,) = ollama.events(b'time=2026-11-22T13:00:01Z level=ERROR msg=x prompt="secret words"', 1, UTC)
    assert "secret" not in event.text


@given(st.binary(max_size=300))
def test_no_bytes_can_crash_either_reader(noise: bytes) -> None:
    list(ollama.events(noise, 1, UTC, AT))
    list(kernel.events(noise, 1, UTC, AT))


BOOT = AT - 1000
XID = "NVRM: Xid (PCI:0000:01:00): 31, pid=13332, name=llama-server, Ch 00000010"


@pytest.mark.parametrize(
    ("prefix", "base_at", "at"),
    [
        ("[ 1000.000000] ", BOOT, AT),
        ("[ 1000.000000] ", None, None),
        ("[Sun Nov 22 13:00:01 2026] ", None, AT),
        ("Nov 22 13:00:01 gpu1 kernel: [ 1000.500000] ", BOOT, AT),
        ("Nov 22 13:00:01 gpu1 kernel: ", None, None),
        ("2026-11-22T13:00:01+08:00 gpu1 kernel: ", None, AT),
        ("", BOOT, None),
    ],
)
def test_kernel_lines_have_their_time_in_every_form(prefix: str, base_at: float | None, at: float | None) -> None:
    (event,) = kernel.events((prefix + XID + "\n").encode(), 3, CHINA, base_at)
    assert (event.at, event.label, event.xid, event.process, event.pid) == (at, "gpu-fault", 31, "llama-server", 13332)
    assert event.line == 3


def test_journal_json_of_the_kernel() -> None:
    data = json.dumps({"MESSAGE": XID, "__REALTIME_TIMESTAMP": "1795323601000000"}).encode()
    assert [event.at for event in kernel.events(data, 1, UTC)] == [AT]


@pytest.mark.parametrize(
    ("line", "label", "process", "xid"),
    [
        ("Out of memory: Killed process 10 (ollama) total-vm:23467012kB, anon-rss:1kB", "ram-oom", "ollama", None),
        ("Memory cgroup out of memory: Killed process 10 (llama-server) total-vm:1kB", "ram-oom", "llama-server", None),
        (
            "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),task_memcg=/x,task=ollama,pid=10,uid=0",
            "ram-oom",
            "ollama",
            None,
        ),
        ("Killed process 10, UID 0, (a) b) total-vm:1kB", "ram-oom", "a) b", None),
        (
            "NVRM: Xid (PCI:0000:01:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
            "gpu-lost",
            None,
            79,
        ),
        ("NVRM: GPU 0000:01:00.0: GPU has fallen off the bus.", "gpu-lost", None, None),
        ("NVRM: Xid (PCI:0000:01:00 GPU-I:02): 62, x", "gpu-fault", None, 62),
        ("nf_conntrack: nf_conntrack: table full, dropping packet", "conntrack-full", None, None),
        ("INFO: task llama-server:77 blocked for more than 120 seconds.", "stuck", "llama-server", None),
        ("ollama[77]: segfault at 0 ip 00 sp 00 error 4 in ollama[400000+1]", "crash", "ollama", None),
    ],
)
def test_what_the_kernel_says_about_the_stack(line: str, label: str, process: str | None, xid: int | None) -> None:
    (event,) = kernel.events(f"[ 5.000001] {line}".encode(), 1, UTC)
    assert (event.label, event.process, event.xid) == (label, process, xid)


def test_one_kill_is_one_event_and_two_kills_are_two() -> None:
    one = (
        "oom-kill:constraint=NONE,task=ollama,pid={0},uid=0\nOut of memory: Killed process {0} (ollama) total-vm:1kB\n"
    )
    assert [event.pid for event in kernel.events((one.format(5) + one.format(6)).encode(), 1, UTC)] == [5, 6]


def test_other_kernel_lines_are_no_events() -> None:
    data = b"NVRM: loading NVIDIA UNIX x86_64 Kernel Module\nusb 1-1: new device\n\x00\xff\n"
    data += b"\n[ 1.000000] oom_reaper: reaped process 5 (x)"
    assert list(kernel.events(data, 1, UTC)) == []
