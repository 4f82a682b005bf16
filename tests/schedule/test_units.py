"""The files for systemd and cron, read by systemd and a shell themselves."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from opskit.schedule.units import CRON, SERVICE, Host, cron, service, sysusers, user_service

ODD = '/opt/a b/100%/$HOME/it\'s "x"/opskit'


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "bin" / "opskit"
    path.parent.mkdir()
    path.write_text('#!/bin/sh\necho "$0" "$@" >> "$0.ran"\n')
    path.chmod(0o755)
    return str(path)


def analyzed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", "--no-pager", *words]
    # Without a session there is no folder that the manager of a user would have.
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    )


@pytest.mark.parametrize("whose", ["system", "user"])
def test_systemd_takes_the_unit_without_a_complaint(program: str, tmp_path: Path, whose: str) -> None:
    host = Host(program, ("adm", "systemd-journal"), ("/var/tmp",))
    path = tmp_path / "opskit.service"
    path.write_text(service(host) if whose == "system" else user_service(host))
    done = analyzed(tmp_path, "verify", f"--{whose}", str(path))
    own = [line for line in (done.stdout + done.stderr).splitlines() if "opskit.service" in line]
    assert (done.returncode, own) == (0, [])


def test_the_service_is_as_confined_as_its_work_allows(program: str, tmp_path: Path) -> None:
    path = tmp_path / "opskit.service"
    path.write_text(service(Host(program, ("adm",))))
    done = analyzed(tmp_path, "security", "--offline=yes", str(path))
    exposure = re.search(r"Overall exposure level for opskit.service: ([0-9.]+) (\w+)", done.stdout)
    assert exposure is not None, done.stderr
    assert float(exposure[1]) <= 3.0
    assert "DeviceAllow=char-nvidia* rw" in path.read_text()


def test_the_user_gets_its_groups_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "opskit.conf"
    path.write_text(sysusers(Host("/usr/bin/opskit", ("adm", "systemd-journal"))))
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "group").write_text("adm:x:4:\nsystemd-journal:x:999:\n")
    done = subprocess.run(
        ["systemd-sysusers", f"--root={root}", str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    groups = dict(line.split(":", 1) for line in (root / "etc" / "group").read_text().splitlines())
    assert {name for name, rest in groups.items() if rest.endswith(":opskit")} == {"adm", "systemd-journal"}
    passwd = (root / "etc" / "passwd").read_text()
    assert re.search(r"^opskit:.*:/var/lib/opskit:/usr/sbin/nologin$", passwd, re.MULTILINE)


def test_a_path_with_signs_that_mean_something_stays_a_path(tmp_path: Path) -> None:
    assert f"ExecStart={SPELLED} run" in service(Host(ODD))
    folder = tmp_path / "a b" / "100%" / "it's"
    folder.mkdir(parents=True)
    (folder / "opskit").write_text("#!/bin/sh\nprintf '%s\\n' \"$*\"\n")
    (folder / "opskit").chmod(0o755)
    line = cron(Host(str(folder / "opskit"))).splitlines()[-1]
    fields, command = line.split(" opskit ", 1)
    assert fields == "*/5 * * * *"
    # cron(8): an escaped percent sign is one, any other would end the command.
    assert not re.search(r"(?<!\\)%", command)
    done = subprocess.run(["sh", "-c", command.replace("\\%", "%")], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("run --once\n", "")


SPELLED = '"/opt/a b/100%%/$$HOME/it\'s \\"x\\"/opskit"'


def test_cron_leaves_the_work_to_the_daemon_where_that_is_installed() -> None:
    assert f"! -e {SERVICE} &&" in cron(Host("/usr/bin/opskit"))
    assert CRON.startswith("/etc/cron.d/")
