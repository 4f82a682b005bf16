"""A configuration out of a running stack, and a host on which nothing of it is found."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from opskit.definitions.settings import load
from opskit.lab.stack import Stack
from tests.cli.conftest import Run


@pytest.fixture
def written(opskit: Run, stack: Stack, tmp_path: Path) -> Path:
    """What `opskit init --yes` makes of the lab."""
    path = tmp_path / "made" / "opskit.yaml"
    conf = stack.plan.root / "nginx" / "nginx.conf"
    done = opskit("init", "--yes", "-o", str(path), "--nginx-conf", str(conf), given=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"written: {path}" in done.stdout
    return path


def test_everything_that_runs_is_found_and_the_file_is_a_configuration(written: Path, stack: Stack) -> None:
    plan, found = stack.plan, load(written)
    assert found.stack.nginx.url == plan.urls["nginx"]
    assert found.stack.nginx.conf == str(plan.root / "nginx" / "nginx.conf")
    assert found.stack.nginx.access_log == str(plan.root / "nginx" / "logs" / "access.log")
    assert found.stack.nginx.error_log == str(plan.root / "nginx" / "logs" / "error.log")
    assert found.stack.gateway.url == plan.urls["gateway"]
    assert found.stack.gateway.log == str(plan.logs["gateway"])
    assert found.stack.clawdbot.url == plan.urls["clawdbot"]
    assert found.stack.clawdbot.config == str(plan.root / "clawdbot.yaml")
    assert found.stack.ollama.url == plan.urls["ollama"]
    assert found.stack.ollama.log == str(plan.logs["ollama"])
    assert found.stack.ollama.model == "qwen3:32b"
    assert found.certificates.endpoints == (f"127.0.0.1:{plan.ports.https}/chat.example.test",)
    assert [Path(path).name for path in found.certificates.files] == ["fullchain.pem"]


def test_the_file_is_for_its_owner_says_how_it_was_found_and_holds_no_secret(written: Path, stack: Stack) -> None:
    assert stat.S_IMODE(written.stat().st_mode) == 0o640
    text = written.read_text()
    assert "# the gateway asks it, by ollama_api in " in text
    assert "# Nginx writes it" in text
    assert stack.plan.key_file.read_text().strip() not in text
    # what JSON writes is YAML for everybody
    assert yaml.safe_load(text)["stack"]["ollama"]["model"] == "qwen3:32b"


def test_the_checks_work_with_it(opskit: Run, written: Path) -> None:
    done = opskit("check", "clawdbot-health", "--no-record", given=written)
    assert done.returncode == 0, done.stdout
    assert opskit("lint", given=written).returncode == 0


def test_a_file_that_is_there_stays(opskit: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("locale: zh\n")
    done = opskit("init", "--yes", "-o", str(path), given=None)
    assert (done.returncode, done.stdout) == (3, "")
    assert "is there already and stays as it is" in done.stderr
    assert path.read_text() == "locale: zh\n"


def test_without_a_yes_nothing_is_written(opskit: Run, tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    conf = str(tmp_path / "none.conf")
    asked = opskit("init", "-o", str(path), "--nginx-conf", conf, given=None)
    assert asked.returncode == 3
    assert f"not found: nginx: no Nginx runs here, and there is no {conf}" in asked.stdout
    assert "nothing is written" in asked.stdout
    shown = opskit("init", "--dry-run", "-o", str(path), "--nginx-conf", conf, given=None)
    assert shown.returncode == 0
    assert shown.stdout.startswith("# written by opskit init on ")
    assert "#notify:" in shown.stdout
    assert not path.exists()


def test_a_folder_that_cannot_be_written_is_said(opskit: Run, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    conf = str(tmp_path / "none.conf")
    done = opskit("init", "--yes", "-o", str(blocked / "opskit.yaml"), "--nginx-conf", conf, given=None)
    assert done.returncode == 3
    assert "opskit.yaml cannot be written: Not a directory" in done.stderr
