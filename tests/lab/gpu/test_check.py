"""opskit's own checks over the library, as the lab runs them: the folder stands in the configuration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opskit.lab.kernel import boot
from opskit.lab.part import local_now
from tests.lab.gpu.cards import Cards

HOLDS_23_GB = {"gpu0.foreign_used": 23_000_000_000, "gpu0.foreign_procs": "4242:23000000000"}


def check(cards: Cards, folder: Path, name: str) -> dict[str, Any]:
    """Run `opskit check`; two cards are expected."""
    config = folder / "opskit.yaml"
    gpu = {"expected": 2, "library": str(cards.library)}
    kernel = folder / "kern.log"
    kernel.write_text(boot(local_now()))
    stack = {"gpu": gpu, "host": {"kernel_log": str(kernel)}, "ollama": {"url": "http://127.0.0.1:9"}}
    config.write_text(json.dumps({"stack": stack, "history": {"path": str(folder / "h.db")}}))
    words = ["--config", str(config), "check", name, "--json", "--no-record"]
    variables = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    variables["OPSKIT_NVML_STATE"] = cards.environment["OPSKIT_NVML_STATE"]
    done = subprocess.run(
        [sys.executable, "-m", "opskit", *words], env=variables, capture_output=True, text=True, timeout=60, check=False
    )
    (answer,) = json.loads(done.stdout)["checks"]
    found: dict[str, Any] = answer
    return found


@pytest.mark.parametrize(
    ("fault", "name", "status", "words"),
    [
        ({}, "gpu-temperature", "ok", ""),
        ({"gpu0.temp": 94, "gpu0.reasons": "0x40"}, "gpu-temperature", "critical", "slowed down by heat"),
        ({"gpu1.all": "!15"}, "gpu-temperature", "critical", "GPU"),
        ({"init": "!18"}, "gpu-temperature", "critical", "differ in version"),
        ({"gpu0.temp": "!999"}, "gpu-temperature", "unknown", "Unknown Error"),
        ({}, "gpu-memory", "ok", ""),
        (HOLDS_23_GB, "gpu-memory", "warning", "? (pid 4242, 23.0 GB)"),
        ({}, "gpu-health", "ok", ""),
        ({"gpu0.remap_pending": 1}, "gpu-health", "warning", "waits to be remapped"),
        ({"gpu1.recovery": 1}, "gpu-health", "critical", "reset the GPU"),
        ({"gpu0.recovery": "!999"}, "gpu-health", "unknown", "Unknown Error"),
        ({}, "gpu-expected", "ok", ""),
        ({"gpu1.handle": "!16"}, "gpu-expected", "critical", "must be reset"),
    ],
)
def test_a_check_sees_what_the_state_says(
    cards: Cards, tmp_path: Path, fault: dict[str, str], name: str, status: str, words: str
) -> None:
    found = check(cards.set(**fault), tmp_path, name)
    assert found["status"] == status, found
    assert words in json.dumps(found)
