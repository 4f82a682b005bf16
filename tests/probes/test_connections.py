"""The processes behind the parts' ports: their open files against their own limit, children included."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opskit.probes.connections import forgotten, listing, owners, sockets
from opskit.probes.machine import Machine, Owner, Socket
from opskit.probes.part_limits import limit_notes, limit_samples
from opskit.probes.process_table import processes
from tests.probes.asking import as_nobody, ask, value

# A part with a limit of 50 files, 40 of them open, and a child with more room.
PART = """
import os, resource, socket, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
listener = socket.create_server(("127.0.0.1", 0))
resource.setrlimit(resource.RLIMIT_NOFILE, (50, 50))
opened = []
while len(os.listdir("/proc/self/fd")) - 1 < 40:
    opened.append(open("/dev/null"))
print(listener.getsockname()[1], child.pid, flush=True)
input()
"""


@pytest.fixture
def part() -> Iterator[tuple[int, int, int]]:
    """The port and the pids of a part and its child."""
    process = subprocess.Popen([sys.executable, "-c", PART], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port, child = map(int, process.stdout.readline().split())
    yield port, process.pid, child
    process.communicate("\n")
    assert process.returncode == 0


def test_a_part_and_its_child_are_counted_and_the_worst_stands_for_it(part: tuple[int, int, int]) -> None:
    port, _, _ = part
    seen, hidden = owners(listing() or [], processes(), {port})
    assert Owner(port, 40, 50) in seen
    assert (len(seen), hidden) == (2, [])
    reading = ask("host", gateway=f"http://127.0.0.1:{port}")
    assert value(reading, "files_used_pct", part="gateway") == 80
    assert str(reading.reason("files_used_pct gateway")) == "40 of 50 files are open"


def test_files_of_another_users_process_are_not_counted_and_it_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        told = as_nobody(tmp_path, "opskit.probes.connections", f"owners(listing(), {{}}, {{{port}}})")
    # Only root can ask as somebody else; anybody sees their own.
    assert told.strip() == f"([], [{port}])" if os.getuid() == 0 else told.startswith(f"([Owner(port={port}, ")


def test_what_was_not_seen_is_a_note_and_no_number() -> None:
    machine = Machine(1, 1, 0, 0, 1, 0.0, [], [], owners=[], hidden=[443])
    assert limit_samples(machine, {"nginx": 443, "gateway": 80}, 0.0) == []
    (note,) = limit_notes(machine, {"nginx": 443, "gateway": 80})
    assert "nginx were not counted" in str(note)
    assert limit_notes(machine, {"gateway": 80}) == ()


def test_a_process_without_a_limit_is_not_near_it() -> None:
    machine = Machine(1, 1, 0, 0, 1, 0.0, [], [], owners=[Owner(80, 100000, None)])
    assert limit_samples(machine, {"gateway": 80}, 0.0) == []


def test_this_process_has_its_own_soft_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen, _ = owners(listing() or [], processes(), {listener.getsockname()[1]})
    assert seen[0].limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert seen[0].files > 3


GATEWAY, OLLAMA = "http://127.0.0.1:18789", "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    ("by", "count"), [([18789, 18789, 0, 0], 1), ([0, 0, 0, 0], 0), ([None] * 4, 3), ([18789, -1, 0, 0], None)]
)
def test_what_others_ask_ollama_is_not_forgotten_by_the_gateway(by: list[int | None], count: int | None) -> None:
    found = [Socket(50_000 + number, 11434, "ESTABLISHED", owner) for number, owner in enumerate(by)]
    machine = Machine(0, 0, 0, 0, 1, 0.0, [], [*found, Socket(40_000, 18789, "ESTABLISHED", 0)])
    assert forgotten(machine, GATEWAY, OLLAMA) == count


def test_a_socket_knows_which_port_its_process_serves(part: tuple[int, int, int]) -> None:
    port, _, _ = part
    seen = sockets(listing() or [], processes(), {port})
    assert [item.by for item in seen if item.state == "LISTEN"] == [port]
