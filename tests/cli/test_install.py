"""Installing: files are shown or written, and whatever stands there already is not touched."""

from __future__ import annotations

import grp
import os
from pathlib import Path


def test_a_dry_run_shows_the_files_and_what_to_run(opskit):
    done = opskit("install", "systemd", "--dry-run")
    assert done.returncode == 0
    assert "==> /etc/sysusers.d/opskit.conf <==\nu opskit - " in done.stdout
    assert "==> /etc/systemd/system/opskit.service <==\n[Unit]\n" in done.stdout
    assert done.stdout.endswith(
        "Then run:\n  systemd-sysusers\n  systemctl daemon-reload\n  systemctl enable --now opskit.service\n"
    )
    assert not Path("/etc/systemd/system/opskit.service").exists()
    assert "/etc/cron.d/opskit <==" in opskit("install", "cron", "--dry-run").stdout


def test_the_groups_are_those_of_the_logs_of_the_configuration(opskit, tmp_path):
    log, other = tmp_path / "access.log", tmp_path / "error.log"
    for path in (log, other):
        path.touch()
        path.chmod(0o640)
    assert "SupplementaryGroups" not in opskit("install", "systemd", "--dry-run").stdout
    for path in (log, other):
        os.chown(path, -1, grp.getgrnam("adm").gr_gid)
    assert "SupplementaryGroups=adm\n" in opskit("install", "systemd", "--dry-run").stdout


def test_a_users_own_service_is_written_once_and_a_changed_one_stays(opskit, tmp_path):
    env = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    path = tmp_path / "config" / "systemd" / "user" / "opskit.service"
    done = opskit("install", "systemd", "--user", env=env)
    assert (done.returncode, done.stderr) == (0, f"opskit: written: {path}\n")
    assert "loginctl enable-linger" in done.stdout
    assert (opskit("install", "systemd", "--user", env=env).stderr, path.stat().st_mode & 0o777) == ("", 0o644)
    path.write_text("[Service]\n# mine\n")
    done = opskit("install", "systemd", "--user", env=env)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"opskit: {path} is there already and differs: compare it with --dry-run, or move it away\n"
    assert path.read_text() == "[Service]\n# mine\n"


def test_cron_is_not_for_a_user(opskit):
    done = opskit("install", "cron", "--user")
    assert (done.returncode, done.stderr[:29]) == (3, "opskit: --user is for systemd")
