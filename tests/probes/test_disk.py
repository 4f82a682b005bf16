"""File systems behind folders: real folders, real mounts, and what cannot be filled is not judged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from opskit.probes.base import Deadline
from opskit.probes.disk import Mount, disk_details, disk_notes, disk_samples, disks_of, fullest, mount_of, mounted
from opskit.probes.machine import Disk
from tests.probes.asking import as_nobody

DISK = Disk("/data", 1000, 500, "/", "ext4", 480, 100, 60)


def values(*disks: Disk) -> dict[str, float | None]:
    return {f"{sample.metric} {sample.labels['disk']}": sample.value for sample in disk_samples(list(disks), 0.0)}


def changed(**fields: object) -> Disk:
    return msgspec.structs.replace(DISK, **fields)


def test_a_real_folder_is_measured_as_df_does(tmp_path: Path) -> None:
    (disk,) = disks_of((str(tmp_path), str(tmp_path), str(tmp_path / "missing")), Deadline(5))
    told = os.statvfs(tmp_path)
    assert disk.folder == str(tmp_path)
    assert disk.total == told.f_blocks * told.f_frsize
    assert disk.inodes == told.f_files
    assert disk.mount in {mount.point for mount in mounted()}
    assert 0 < disk.free < disk.total


def test_a_file_and_a_folder_that_is_not_there_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert disks_of((str(tmp_path / "file"), str(tmp_path / "file" / "in"), str(tmp_path / "none")), Deadline(5)) == []


def test_a_folder_behind_a_closed_door_is_measured_where_it_is_mounted(tmp_path: Path) -> None:
    (tmp_path / "home" / "models").mkdir(parents=True)
    (tmp_path / "home").chmod(0o700)
    asked = f"disks_of(('{tmp_path}/home/models',), Deadline(5))"
    told = as_nobody(tmp_path, "opskit.probes.disk", f"[(d.folder, d.mount, d.failed, d.total) for d in {asked}]")
    own = mount_of(str(tmp_path), mounted()).point
    total = os.statvfs(own).f_blocks * os.statvfs(own).f_frsize
    assert told.strip() == str([(f"{tmp_path}/home/models", own, "", total)])


def test_the_longest_mount_holds_a_path_and_the_newest_of_two() -> None:
    mounts = [Mount("/", "ext4"), Mount("/var", "xfs"), Mount("/var/log", "ext4"), Mount("/var", "tmpfs")]
    assert mount_of("/var/log/nginx", mounts) == Mount("/var/log", "ext4")
    assert mount_of("/var/logs", mounts) == Mount("/var", "tmpfs")
    assert mount_of("/", mounts) == Mount("/", "ext4")
    assert mount_of("/x", []) == Mount("/x", "")


def test_a_table_of_mounts_has_names_with_blanks_and_may_be_missing(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        "36 35 8:1 / /mnt/my\\040disk rw,noatime master:1 - ext4 /dev/sda1 rw\nnonsense\n"
        "37 35 8:2 / /boot ro - ext4 /dev/sda2 rw,errors=remount-ro\n38 35 8:3 / /old rw - ext4 /dev/sda3 ro\n"
        "39 35 8:4 / /odd rw - ext4\n"
    )
    assert mounted(table) == [
        Mount("/mnt/my disk", "ext4", False),
        Mount("/boot", "ext4", False),
        Mount("/old", "ext4", True),
        Mount("/odd", "ext4", None),
    ]
    assert mounted(tmp_path / "none") == []


@pytest.mark.parametrize(("way", "judged"), [("remount,bind,ro", 2), ("remount,ro", 0)])
def test_a_disk_that_only_this_process_sees_read_only_can_fill_up(tmp_path: Path, way: str, judged: int) -> None:
    """As a service under ProtectSystem=strict sees all of them; the second is read-only for everybody."""
    program = (
        "from opskit.probes.base import Deadline\nfrom opskit.probes.disk import disk_samples, disks_of\n"
        f"found = disk_samples(disks_of(('{tmp_path}',), Deadline(5)), 0.0)\n"
        "print(len([one for one in found if 'room' in one.metric]))"
    )
    mounts = f"mount -t tmpfs none {tmp_path} && mount -o {way} none {tmp_path}"
    command = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$0" -c "$1"', sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.stderr.startswith(("unshare:", "mount:")):
        pytest.skip("no file system can be mounted here")
    assert (done.stdout, done.stderr) == (f"{judged}\n", "")


def test_free_is_a_share_of_what_users_may_fill() -> None:
    found = values(DISK)
    assert found["room_free_pct /"] == pytest.approx(51.02)
    assert (found["room_free_bytes /"], found["inodes_free_pct /"]) == (500, 60)


def test_folders_on_one_mount_are_one_series() -> None:
    assert len(values(DISK, changed(folder="/logs"))) == 3


@pytest.mark.parametrize(
    "disk",
    [changed(free=0, read_only=True, kind="squashfs"), changed(total=0, free=0, used=0, kind="proc", inodes=0)],
    ids=["image", "without a size"],
)
def test_what_nobody_can_fill_is_not_judged(disk: Disk) -> None:
    assert values(disk) == {}
    assert fullest([disk]) is None
    assert bool(disk_notes([disk])) is disk.read_only


def test_a_file_system_that_counts_no_inodes_has_none_to_run_out_of() -> None:
    assert set(values(changed(inodes=0, inodes_free=0, kind="btrfs"))) == {"room_free_pct /", "room_free_bytes /"}


def test_a_disk_that_may_not_be_looked_at_has_no_value_and_says_why() -> None:
    gone = changed(total=0, free=0, failed="Transport endpoint is not connected")
    assert values(gone) == {"room_free_pct /": None}
    assert "Transport endpoint" in str(disk_details([gone])["room_free_pct /"])
    assert fullest([gone, DISK]) == DISK


def test_evidence_of_an_older_opskit_has_its_folders() -> None:
    assert values(Disk("/var/log", 1000, 250)) == {"room_free_pct /var/log": 25.0, "room_free_bytes /var/log": 250}
