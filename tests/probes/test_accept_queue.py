"""Connections that wait: real sockets that nobody accepts from."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from opskit.probes.accept_queue import lasting, queues
from opskit.probes.machine import Queue
from tests.probes.asking import as_nobody, ask, value


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_those_who_wait_are_counted_and_those_who_were_accepted_are_not(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((host, 0), family=family, backlog=8))
        port = listener.getsockname()[1]
        for _ in range(3):
            opened.enter_context(socket.create_connection((host, port)))
        opened.enter_context(listener.accept()[0])
        found = queues({port})
        assert found is not None
        assert list(found.values()) == [Queue(port, 2, 8)]
        assert queues(set()) == {}


def test_nobody_needs_root_to_see_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:
        port = listener.getsockname()[1]
        told = as_nobody(tmp_path, "opskit.probes.accept_queue", f"[q.limit for q in queues({{{port}}}).values()]")
    assert told.strip() == "[8]"


def test_only_what_waits_at_both_looks_counts() -> None:
    before = {1: Queue(80, 7, 10), 2: Queue(81, 0, 10), 3: Queue(82, 5, 10)}
    after = {1: Queue(80, 3, 10), 2: Queue(81, 9, 10), 4: Queue(82, 9, 10)}
    assert lasting(before, after) == [Queue(80, 3, 10), Queue(81, 0, 10)]
    assert lasting(None, after) is None
    assert lasting(before, None) is None


def test_a_part_that_does_not_accept_is_seen() -> None:
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=4))
        port = listener.getsockname()[1]
        for _ in range(4):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
        reading = ask("host", gateway=f"http://127.0.0.1:{port}")
    assert value(reading, "accept_queue_pct", part="gateway") == 100
    assert "4 wait, the kernel keeps 4" in str(reading.reason("accept_queue_pct gateway"))
