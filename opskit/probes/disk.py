"""The file systems behind the folders that must not fill up: room and inodes, by statvfs(3).

A folder that may not be entered is looked at where it is mounted (/proc/self/mountinfo), which is the same file system
and open to everybody. What cannot fill up is not judged: read-only images, and systems without a size.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import msgspec

from opskit.model.message import Message, say
from opskit.model.sample import Sample
from opskit.probes.base import Deadline
from opskit.probes.machine import Disk

_MOUNTS = Path("/proc/self/mountinfo")
_IMAGES = {"squashfs", "iso9660", "erofs", "cramfs", "romfs"}
"""Full by nature, also where nobody mounted them read-only by name."""


class Mount(msgspec.Struct, frozen=True):
    """Where a file system is mounted, and of which kind it is.

    `read_only` is whether all of it is, and not only seen so from here: a service under ProtectSystem sees every disk
    read-only, and each of them can fill up. None where that is not known.
    """

    point: str
    kind: str
    read_only: bool | None = None


def disks_of(folders: tuple[str, ...], deadline: Deadline) -> list[Disk]:
    """Look at each folder that exists, in order. A file system that hangs is named by the deadline's stage."""
    mounts = mounted()
    found = list[Disk]()
    for folder in dict.fromkeys(folders):
        deadline.enter(say("measure the disk of {folder}", folder=folder))
        disk = _disk(folder, mounts)
        if disk is not None:
            found.append(disk)
    return found


def mounted(table: Path = _MOUNTS) -> list[Mount]:
    """Return what is mounted, in the order of mounting; nothing where the system keeps no such table.

    Format: proc_pid_mountinfo(5); blanks in names are written as \\040.
    """
    try:
        lines = table.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
    halves = [line.partition(" - ") for line in lines]
    return [_mount(left.split(" "), right.split(" ")) for left, dash, right in halves if dash]


def _mount(seen: list[str], of_all: list[str]) -> Mount:
    """Read the halves of a line: how it is seen here, and kind, source and options of the whole file system."""
    options = of_all[2].split(",") if len(of_all) > 2 else None
    return Mount(_plain(seen[4]), of_all[0], None if options is None else "ro" in options)


def _plain(name: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), name)


def mount_of(path: str, mounts: list[Mount]) -> Mount:
    """Return the mount that a path lies in: the longest one, and of several at one place the newest."""
    holding = [mount for mount in mounts if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    holding.sort(key=lambda mount: len(mount.point))
    return holding[-1] if holding else Mount(path, "")


def _disk(folder: str, mounts: list[Mount]) -> Disk | None:
    """Look at one folder; None where there is none of that name."""
    own = mount_of(os.path.realpath(folder), mounts)
    place = folder
    try:
        if not stat.S_ISDIR(Path(folder).stat().st_mode):
            return None
    except PermissionError:
        place = own.point
    except OSError as error:
        return None if isinstance(error, FileNotFoundError | NotADirectoryError) else _failed(folder, own, error)
    try:
        told = os.statvfs(place)
    except OSError as error:  # a mount that is gone, or not ours to look at
        return _failed(folder, own, error)
    return Disk(
        folder,
        told.f_blocks * told.f_frsize,
        told.f_bavail * told.f_frsize,
        own.point,
        own.kind,
        max(0, told.f_blocks - told.f_bfree) * told.f_frsize,
        told.f_files,
        told.f_favail,
        _is_read_only(own, told) or own.kind in _IMAGES,
    )


def _is_read_only(own: Mount, told: os.statvfs_result) -> bool:
    return bool(told.f_flag & os.ST_RDONLY) if own.read_only is None else own.read_only


def _failed(folder: str, own: Mount, error: OSError) -> Disk:
    return Disk(folder, 0, 0, own.point, own.kind, failed=error.strerror or str(error))


def fullest(disks: list[Disk]) -> Disk | None:
    """Return the disk with the smallest share that is free, None where none can be judged."""
    known = [disk for disk in disks if not disk.failed and not disk.read_only and disk.total > 0]
    return min(known, key=lambda disk: disk.free / disk.total, default=None)


def disk_samples(disks: list[Disk], at: float) -> list[Sample]:
    """One series for each mount; without a value where it could not be looked at.

    The share is that of df(1): free of used and free, because some blocks are reserved for root.
    """
    found = list[Sample]()
    for mount, disk in {_name(disk): disk for disk in reversed(disks)}.items():
        labels = {"disk": mount}
        if disk.failed:
            found.append(Sample("room_free_pct", None, "%", labels, at, 0, 100))
        elif not disk.read_only and disk.total > 0:
            used = disk.total - disk.free if disk.used is None else disk.used
            found.append(Sample("room_free_pct", _share(disk.free, used + disk.free), "%", labels, at, 0, 100))
            found.append(Sample("room_free_bytes", float(disk.free), "B", labels, at, 0, float(disk.total)))
            if disk.inodes:
                free = _share(disk.inodes_free or 0, disk.inodes)
                found.append(Sample("inodes_free_pct", free, "%", labels, at, 0, 100))
    return found


def disk_details(disks: list[Disk]) -> dict[str, Message]:
    """Say for each series what is behind it: the numbers, or why there are none."""
    details: dict[str, Message] = {}
    for disk in reversed(disks):
        name = _name(disk)
        details[f"inodes_free_pct {name}"] = say("{number} inodes are free", number=disk.inodes_free or 0)
        details[f"room_free_pct {name}"] = (
            say("{folder} cannot be looked at: {why}", folder=disk.folder, why=disk.failed)
            if disk.failed
            else say("{number} GB are free", number=round(disk.free / 1e9, 1))
        )
    return details


def disk_notes(disks: list[Disk]) -> tuple[Message, ...]:
    """Say which of the folders lie on a file system that nobody can write to."""
    return tuple(
        say("{folder} is read-only ({mount}): its room is not judged", folder=disk.folder, mount=_name(disk))
        for disk in disks
        if disk.read_only
    )


def _name(disk: Disk) -> str:
    return disk.mount or disk.folder


def _share(part: float, whole: float) -> float | None:
    return round(part / whole * 100, 2) if whole > 0 else None
