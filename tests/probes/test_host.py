"""The machine: shares of its memory and disks, and the connections that its sockets show."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from opskit.lab.plan import MODEL
from opskit.lab.stack import Stack
from opskit.lab.users import ask as user_asks
from opskit.model.reading import Reading
from tests.lab.part_process import eventually
from tests.lab.running_lab import lab_in, take_out
from tests.probes.asking import ask, collect, replay, value

_OTHER_PROC = """
import sys
import psutil
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.registry import probe
found = probe("host")
psutil.PROCFS_PATH = sys.argv[1]
try:
    found.collect(type(found).arguments(), Deadline(5))
except ProbeError as error:
    print(error.reason)
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with lab_in(tmp_path_factory.mktemp("lab")) as running:
        yield running


def parts(stack: Stack) -> dict[str, str]:
    return stack.plan.urls


def test_the_machine_is_measured(tmp_path: Path) -> None:
    reading = ask("host", folders=[str(tmp_path), str(tmp_path / "missing")])
    for name in ("memory_available_pct", "swap_used_pct", "disk_free_pct"):
        assert 0 <= reading.facts[name] <= 100  # type: ignore[operator]
        assert value(reading, name) == reading.facts[name]
    assert reading.evidence["disk_free_pct"][0].source == str(tmp_path)
    missing = [name for name, fact in reading.facts.items() if fact is None]
    assert all(reading.reason(name) for name in missing)


def test_who_listens_is_seen(stack: Stack) -> None:
    facts = ask("host", **parts(stack)).facts
    assert all(facts[f"{part}_listening"] for part in parts(stack))
    stack.stop("clawdbot")
    try:
        assert ask("host", **parts(stack)).facts["clawdbot_listening"] is False
    finally:
        stack.start("clawdbot")


def connections(stack: Stack) -> tuple[object, ...]:
    facts = ask("host", **parts(stack)).facts
    return facts["clients_connected"], facts["gateway_connections"], facts["ollama_connections"]


# A program of its own: connections of the process that looks would not count.
USER = """
import http.client, json, ssl, sys
context = ssl._create_unverified_context()
link = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), context=context)
link.request("POST", "/api/chat", json.dumps({"message": "hello"}), {"X-User-Id": "alice"})
link.getresponse()
"""


def test_a_user_who_waits_is_seen_all_the_way(stack: Stack) -> None:
    stack.change({"gateway": {"first_byte_timeout_seconds": 30}}, [])
    stack.freeze("ollama")
    user = subprocess.Popen([sys.executable, "-c", USER, str(stack.plan.ports.https)], stderr=subprocess.DEVNULL)
    try:
        assert _until(stack, (1, 1, 1))
    finally:
        user.kill()
        user.wait()
        take_out(stack)


def _until(stack: Stack, wanted: tuple[int, ...]) -> bool:
    end = time.monotonic() + 10
    while (found := connections(stack)) != wanted and time.monotonic() < end:
        pass
    return found == wanted


def test_opskits_own_connections_do_not_count(stack: Stack) -> None:
    before = connections(stack)
    stack.freeze("gateway")
    try:
        own = [http.client.HTTPConnection("127.0.0.1", stack.plan.ports.gateway) for _ in range(3)]
        for link in own:
            link.request("GET", "/health")
        assert connections(stack) == before
        for link in own:
            link.close()
    finally:
        stack.thaw()


def test_parts_on_other_hosts_are_not_counted_here(stack: Stack) -> None:
    elsewhere = {part: url.replace("127.0.0.1", "198.18.0.1") for part, url in parts(stack).items()}
    reading = ask("host", **elsewhere)
    assert (reading.facts["clients_connected"], reading.facts["ollama_connections"]) == (None, None)
    assert "not of this host" in str(reading.reason("ollama_connections"))


@pytest.mark.parametrize("url", ["", "http://[", "http://x:port/", "ftp://127.0.0.1/"])
def test_addresses_that_are_none_count_nothing(url: str) -> None:
    reading = ask("host", gateway=url)
    assert reading.facts["gateway_connections"] in {None, 0}
    assert reading.facts["gateway_listening"] is False


def test_the_evidence_holds_ports_and_no_addresses() -> None:
    # Without SO_REUSEADDR, which create_server sets: else an older connection of that port may still be in TIME_WAIT.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        (raw,) = collect("host", gateway=f"http://127.0.0.1:{port}")
    assert json.loads(raw.data)["sockets"] == [{"local": port, "remote": 0, "state": "LISTEN", "by": port}]
    assert b"127.0.0.1" not in raw.data


def test_a_host_that_lists_no_sockets_says_so() -> None:
    (raw,) = collect("host", gateway="http://127.0.0.1:1")
    blind = json.dumps({**json.loads(raw.data), "sockets": None}).encode()
    reading = replay("host", blind, gateway="http://127.0.0.1:1")
    assert (reading.facts["gateway_connections"], reading.facts["gateway_listening"]) == (None, None)
    assert "may not be listed" in str(reading.reason("gateway_listening"))


def test_thousands_of_sockets_are_counted_in_one_look() -> None:
    count = 400
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=count))
        port = listener.getsockname()[1]
        for _ in range(count):
            opened.enter_context(socket.create_connection(("127.0.0.1", port)))
            opened.enter_context(listener.accept()[0])
        reading = ask("host", gateway=f"http://127.0.0.1:{port}")
    assert reading.facts["gateway_connections"] == 0  # all of them our own
    assert reading.facts["gateway_listening"] is True


def logged(stack: Stack) -> tuple[Reading, Reading]:
    logs = stack.plan.logs
    return ask("gateway_log", path=str(logs["gateway"])), ask("nginx_access", path=str(logs["nginx"]))


def test_the_probes_leave_no_trace_in_what_the_logs_say_of_users(stack: Stack) -> None:
    """The standard question and the knocks go through the real gateway and the real Nginx, and count for nobody."""
    before = [reading.facts["requests"] for reading in logged(stack)]
    url, log = f"{stack.plan.urls['gateway']}/v1/chat/completions", stack.plan.logs["gateway"]
    door = stack.plan.urls["nginx"]
    for _ in range(3):
        assert ask("latency", url=url, model=MODEL, api_key_file=str(stack.plan.key_file)).facts["answered"] is True
        assert ask("nginx_http", url=door, verify=False, expect_status=None).facts["answered"] is True
    assert ask("latency", url=url, model=MODEL).facts["answered"] is None
    # The gateway writes the last line a moment after its answer.
    eventually(lambda: log.read_text().count('"opskit-') >= 8)
    assert log.read_text().count('"opskit-') == 8
    assert [reading.facts["requests"] for reading in logged(stack)] == before
    assert user_asks(stack.plan, 1).status == 200
    after = [(count or 0) + 1 for count in before]  # type: ignore[operator]
    eventually(lambda: [reading.facts["requests"] for reading in logged(stack)] == after)


def test_a_memory_that_the_kernel_does_not_tell_is_named(tmp_path: Path) -> None:
    """psutil is given a /proc without the lines that it looks for, as in some containers."""
    (tmp_path / "meminfo").write_text("MemFree: 12 kB\n")
    words = [sys.executable, "-c", _OTHER_PROC, str(tmp_path)]
    told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout
    assert told == "/proc/meminfo cannot be read: unexpected content\n"
