"""Runs the program as its users do: as a process, with its own home and history."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from opskit.lab.users import ask
from tests.cli.switch import Site
from tests.lab.running_lab import lab_in

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that points to nothing that exists here, with a history of its own."""
    stack = {
        "nginx": {
            "access_log": str(tmp_path / "access.log"),
            "error_log": str(tmp_path / "error.log"),
            "url": "https://127.0.0.1:9/",
        },
        "gateway": {"url": "http://127.0.0.1:9", "log": str(tmp_path / "gateway.log")},
        "clawdbot": {"url": "http://127.0.0.1:9"},
        "ollama": {"url": "http://127.0.0.1:9", "log": str(tmp_path / "ollama.log")},
        "host": {"kernel_log": str(tmp_path / "kern.log")},
    }
    settings = {
        "stack": stack,
        "certificates": {"files": [str(tmp_path / "none" / "*.pem")]},
        "history": {"path": str(tmp_path / "state" / "history.db")},
    }
    path = tmp_path / "opskit.yaml"
    path.write_text(json.dumps(settings))
    return path


@pytest.fixture
def opskit(config: Path) -> Run:
    """`opskit("check", "gpu-memory", env={...})` with that configuration."""

    def run(*words: str, env: dict[str, str] | None = None, given: Path | None = config, **more: object) -> object:
        command = [sys.executable, "-m", "opskit", *(("--config", str(given)) if given else ()), *words]
        clean = {name: value for name, value in os.environ.items() if name not in {"LC_ALL", "LANG", "LC_MESSAGES"}}
        return subprocess.run(
            command,
            env={**clean, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            check=False,
            **more,
        )

    return run


@pytest.fixture
def site(tmp_path: Path, config: Path) -> Site:
    """A switch that is off, with a playbook of its own."""
    return Site(tmp_path, config)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory):
    """The practice stack, answering."""
    with lab_in(tmp_path_factory.mktemp("lab")) as running:
        for number in range(8):
            assert ask(running.plan, number).status == 200
        yield running
