"""How the tests ask a probe: as the program does, but for the threads."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.probes.base import Deadline, Probe, ProbeError, fact_kinds
from opskit.probes.registry import probe

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 3, 0, 0, tzinfo=SHANGHAI)
AT = NOW.timestamp()


def make(name: str, **given: Any) -> tuple[Probe[Any], Any]:
    """A probe of the registry and its arguments."""
    found = probe(name)
    return found, msgspec.convert(given, type(found).arguments)


def ask(name: str, seconds: float = 5.0, **given: Any) -> Reading:
    """Collect and read, now."""
    found, args = make(name, **given)
    return checked(found, found.read(found.collect(args, Deadline(seconds)), args, datetime.now(SHANGHAI)))


def collect(name: str, seconds: float = 5.0, **given: Any) -> tuple[Raw, ...]:
    found, args = make(name, **given)
    return found.collect(args, Deadline(seconds))


def replay(name: str, raws: Sequence[Raw] | bytes, now: datetime = NOW, **given: Any) -> Reading:
    """Read evidence that was collected at `now`; bytes are one whole log file."""
    found, args = make(name, **given)
    if isinstance(raws, bytes):
        raws = (Raw("evidence", raws, "/var/log/evidence"),)
    return checked(found, found.read(raws, args, now))


def checked(found: Probe[Any], reading: Reading) -> Reading:
    """Insist that the facts are those declared, of the declared types and finite, and samples and proofs in order."""
    kinds = fact_kinds(found)
    assert set(reading.facts) == set(kinds)
    for name, value in reading.facts.items():
        assert value is None or _kind(value) == kinds[name], (name, value)
        assert not isinstance(value, float) or math.isfinite(value), (name, value)
    for sample in reading.samples:
        assert sample.metric in found.metrics or type(found).open_metrics, sample
        assert sample.value is None or math.isfinite(sample.value), sample
    for proofs in reading.evidence.values():
        assert all(isinstance(proof.text, str) for proof in proofs)
    return reading


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"


def value(reading: Reading, metric: str, **labels: str) -> float | None:
    """The value of a series; raises where there is none."""
    return series(reading, metric, **labels)[0].value


def series(reading: Reading, metric: str, **labels: str) -> list[Sample]:
    return [s for s in reading.samples if s.metric == metric and labels.items() <= s.labels.items()]


def reason(error: ProbeError) -> str:
    return str(error.reason)


_NOBODY = """
import os, sys
module = __import__(sys.argv[1], fromlist=["*"])
from opskit.probes.base import ProbeError
# Probes load them late, and Python may lie where nobody may look.
import crossplane, ssl, ctypes, opskit.probes.x509_reader
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    print(eval(sys.argv[2], vars(module)))
except ProbeError as error:
    print("ProbeError:", error.reason)
"""


def as_nobody(folder: Path, module: str, expression: str) -> str:
    """Evaluate an expression with a module's names as a user who owns nothing; `folder` is opened to that user."""
    for each in (folder, *folder.parents):  # pytest's own folders are closed to others
        if "pytest" in str(each):
            each.chmod(0o705)
    command = [sys.executable, "-c", _NOBODY, module, expression]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
