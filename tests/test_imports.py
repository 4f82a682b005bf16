"""Commands load only what they use: help is shown without the network, the scheduler or a database in memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

FOR_JUDGING = """
from opskit.definitions import checks
from opskit.judge.evaluate import evaluate
from opskit.model.reading import Reading
from opskit.model.sample import Sample
check = checks.load().good["gpu-temperature"]
reading = Reading(samples=tuple(Sample(rule.metric, 1.0, labels={"gpu": "0"}) for rule in check.rules))
verdict = evaluate(check, reading, 0.0)
assert verdict.items
"""

HEAVY = ["requests", "apscheduler", "cryptography", "tabulate", "psutil", "sqlite3", "yaml", "crossplane", "pynvml"]


def modules_of(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter loads; it lists them itself, as a command may leave without a farewell."""
    command = [sys.executable, "-X", "importtime", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")}


@pytest.fixture(scope="module")
def after_help() -> set[str]:
    return modules_of("-m", "opskit", "--help")


@pytest.fixture(scope="module")
def after_judging() -> set[str]:
    return modules_of("-c", FOR_JUDGING)


@pytest.mark.parametrize("module", HEAVY)
def test_help_is_shown_without(after_help, module):
    assert "opskit.cli" in after_help
    assert module not in after_help


@pytest.mark.parametrize(
    "module", ["apscheduler", "requests", "cryptography", "tabulate", "psutil", "sqlite3", "pynvml"]
)
def test_a_check_is_read_and_judged_without(after_judging, module):
    assert {"opskit.judge.evaluate", "opskit.definitions.checks"} <= after_judging
    assert module not in after_judging


# The list of the interpreter itself: a probe is imported by name, which `-X importtime` does not tell.
ONE_CHECK = """
import sys
from opskit.cli.exits import guarded
assert guarded(sys.argv[1:]) in (0, 1, 2)
sys.stderr.write(" ".join(sys.modules))
"""


def test_a_check_of_this_host_loads_nothing_of_the_other_probes(tmp_path) -> None:
    (tmp_path / "opskit.yaml").touch()
    words = ("--config", str(tmp_path / "opskit.yaml"), "check", "host-resources", "--no-record")
    command = [sys.executable, "-c", ONE_CHECK, *words]
    subprocess.run(command, capture_output=True, timeout=60, check=True)  # from now on its definitions are kept
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    loaded = set(ended.stderr.split())
    assert "HOST-RESOURCES" in ended.stdout
    assert {"psutil", "opskit.probes.host", "opskit.judge.evaluate"} <= loaded
    assert {name.partition(".")[0] for name in loaded} & {*HEAVY, "smtplib"} == {"psutil", "sqlite3"}
