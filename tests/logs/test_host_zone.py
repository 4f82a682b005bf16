"""The host's zone: by the link of the C library, by the environment before it, and never a guess."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import tzlocal

from opskit.logs import host_zone

WINTER = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def link(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TZ", raising=False)
    monkeypatch.setattr(host_zone, "LOCALTIME", str(tmp_path / "localtime"))
    return tmp_path / "localtime"


@pytest.mark.parametrize(
    ("target", "hours"),
    [
        ("/usr/share/zoneinfo/Asia/Shanghai", 8),
        ("../usr/share/zoneinfo/America/New_York", -5),
        ("/usr/share/zoneinfo/Etc/UTC", 0),
    ],
)
def test_the_link_names_the_zone(link: Path, target: str, hours: int):
    link.symlink_to(target)
    assert host_zone.host_zone().utcoffset(WINTER.replace(tzinfo=None)) == timedelta(hours=hours)


def test_the_environment_comes_before_the_link(link: Path, monkeypatch: pytest.MonkeyPatch):
    link.symlink_to("/usr/share/zoneinfo/Asia/Shanghai")
    monkeypatch.setenv("TZ", "America/New_York")
    tzlocal.reload_localzone()  # it remembers what it found
    assert WINTER.astimezone(host_zone.host_zone()).hour == 7
    monkeypatch.undo()
    tzlocal.reload_localzone()


@pytest.mark.parametrize("target", [None, "/somewhere/else", "/usr/share/zoneinfo/No/Where", "/usr/share/zoneinfo/"])
def test_where_the_link_names_none_it_is_found_out_otherwise(link: Path, target: str | None):
    if target is not None:
        link.symlink_to(target)
    assert host_zone.host_zone().utcoffset(datetime(2026, 1, 15)) is not None  # noqa: DTZ001  # asked of the zone itself


def test_a_zone_that_nobody_knows_is_said():
    command = [sys.executable, "-m", "opskit", "check", "host-resources", "--no-record"]
    environ = {**os.environ, "TZ": "Mars/Olympus"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert "'Mars/Olympus' is no time zone" in done.stdout
