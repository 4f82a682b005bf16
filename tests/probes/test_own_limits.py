"""Where this host does not let opskit ask, nothing is known of the other side, and nobody is accused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.probes.asking import ask, value

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


def test_a_certificate_that_cannot_be_asked_for_is_not_known() -> None:
    assert "answered None" in told("certificate", '{"endpoints": ["127.0.0.1:1"], "schedules": [], "acme_homes": []}')
    refused = ask("certificate", endpoints=["127.0.0.1:1"])
    assert value(refused, "answered") == 0
