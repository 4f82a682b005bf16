"""Where this host does not let opskit ask, nothing is known of the other side, and nobody is accused."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

import pytest

from tests.probes.asking import ask, value
from tests.probes.server import Talk, serving

LIMITED = """
import os, resource, sys
import msgspec
from datetime import UTC, datetime
from opskit.probes.base import Deadline, ProbeError
from opskit.probes.registry import probe
from opskit.probes import handshake, http_look, x509_reader  # what is loaded late is loaded now
found = probe(sys.argv[1])
args = msgspec.json.decode(sys.argv[2], type=type(found).arguments)
os.closerange(3, 64)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
try:
    for sample in found.read(found.collect(args, Deadline(5)), args, datetime.now(UTC)).samples:
        print(sample.metric, sample.value)
except ProbeError as error:
    print("UNKNOWN", error.reason)
"""


# seccomp(2): socket(FAMILY) fails with EPERM, as under systemd's RestrictAddressFamilies=. Numbers are those of x86-64.
FORBIDDEN = """
import ctypes, json, platform, struct, sys
import msgspec
from datetime import UTC, datetime
from opskit.probes.base import Deadline
from opskit.probes.registry import probe
found = probe("http")
args = msgspec.json.decode(sys.argv[2], type=type(found).arguments)
def step(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)
program = b"".join([
    step(0x20, 0, 0, 0), step(0x15, 0, 3, 41), step(0x20, 0, 0, 16), step(0x15, 0, 1, int(sys.argv[1])),
    step(0x06, 0, 0, 0x00050001), step(0x06, 0, 0, 0x7FFF0000),
])
class Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("program", ctypes.c_char_p)]
libc = ctypes.CDLL(None)
given = Filter(6, program)
usual = platform.machine() == "x86_64" and libc.prctl(38, 1, 0, 0, 0) == 0
if usual and libc.prctl(22, 2, ctypes.byref(given), 0, 0) == 0:
    print("forbidden")
    for sample in found.read(found.collect(args, Deadline(5)), args, datetime.now(UTC)).samples:
        print(sample.metric, sample.value)
"""


def told(probe: str, args: str) -> str:
    words = [sys.executable, "-c", LIMITED, probe, args]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize(
    ("probe", "args"),
    [
        ("http", '{"url": "http://127.0.0.1:1/health", "decoy": false, "gateway_path": false}'),
        ("ollama_api", '{"url": "http://127.0.0.1:1"}'),
    ],
)
def test_no_more_open_files_is_no_fault_of_the_other_side(probe: str, args: str) -> None:
    text = "UNKNOWN this host does not let opskit ask http://127.0.0.1:1/"
    assert told(probe, args).startswith(text)
    assert "Too many open files" in told(probe, args)


def test_a_name_that_cannot_be_looked_up_is_no_fault_of_the_name() -> None:
    args = f'{{"url": "http://{socket.gethostname()}:1/health", "decoy": false, "gateway_path": false}}'
    assert told("http", args).startswith("UNKNOWN this host does not let opskit ask")


def test_what_comes_second_does_not_cost_what_came_first() -> None:
    """One family alone is forbidden: the answer that counts is told, and what it was compared with is left out."""

    def answers(talk: Talk) -> None:
        talk.hear()
        talk.sock.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 3\r\n\r\nbad")

    with serving(answers) as server:
        given = {"url": f"{server.url}/", "decoy": False, "origin": "http://[::1]:9/"}
        words = [sys.executable, "-c", FORBIDDEN, str(socket.AF_INET6), json.dumps(given)]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    if "forbidden" not in done.stdout:
        pytest.skip("no filter of system calls here")
    assert "healthy 0.0" in done.stdout, done.stderr


def test_a_certificate_that_cannot_be_asked_for_is_not_known() -> None:
    assert "answered None" in told("certificate", '{"endpoints": ["127.0.0.1:1"], "schedules": [], "acme_homes": []}')
    refused = ask("certificate", endpoints=["127.0.0.1:1"])
    assert value(refused, "answered") == 0
