"""What the kernel tells of its own limits: pressure on memory, connection table, open files, the clock.

All of it is open to every user. A file that is not there is a feature that this kernel has not, or that is switched
off: no value and no complaint. One that is there and cannot be read is a value that could not be told.
"""

from __future__ import annotations

import ctypes
import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opskit.model.message import Message, say
from opskit.model.regex import regex
from opskit.model.sample import Sample
from opskit.probes.machine import Kernel
from opskit.probes.process_table import PROC, Table

_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.EOPNOTSUPP, errno.ENOSYS, errno.EPERM}
"""EOPNOTSUPP: PSI is compiled in and switched off (psi=0). EPERM: a container's filter forbids the call to all."""
_PSI = regex(r"^some .*?avg60=(\d+(?:\.\d+)?)", re.MULTILINE)
_UNSYNC = 0x40
_SERVICES = {"chronyd", "ntpd", "systemd-timesyn", "ptp4l", "phc2sys", "openntpd"}
"""As the kernel keeps names: 15 characters at most."""
_FIELD_OF = {
    "memory_stalled_pct": "memory_stalled_pct",
    "conntrack_used_pct": "tracked",
    "system_files_used_pct": "files",
    "clock_synchronized": "synchronized",
}


def kernel_state(table: Table, proc: Path = PROC) -> Kernel:
    """Read it all, and look among the processes for one that sets the clock. `proc` is where that is mounted."""
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    looks: tuple[tuple[str, Callable[[Path], dict[str, Any]]], ...] = (
        ("memory_stalled_pct", _pressure),
        ("tracked", _tracked),
        ("files", _files),
        ("synchronized", lambda _: _clock(table)),
    )
    for name, look in looks:
        try:
            found.update(look(proc))
        except OSError as error:
            if error.errno not in _ABSENT:
                failed[name] = error.strerror or str(error)
        except (ValueError, LookupError):
            failed[name] = "unexpected content"
    return Kernel(**found, failed=failed)


def _pressure(proc: Path) -> dict[str, Any]:
    """/proc/pressure/memory, see Documentation/accounting/psi.rst of the kernel."""
    match = _PSI.search((proc / "pressure" / "memory").read_text())
    if match is None:
        raise ValueError
    return {"memory_stalled_pct": float(match[1])}


def _tracked(proc: Path) -> dict[str, Any]:
    folder = proc / "sys" / "net" / "netfilter"
    count, limit = (int((folder / f"nf_conntrack_{name}").read_text()) for name in ("count", "max"))
    return {"tracked": count, "tracked_limit": limit}


def _files(proc: Path) -> dict[str, Any]:
    """/proc/sys/fs/file-nr: allocated, unused (always 0), limit; see proc_sys_fs(5)."""
    used, _, limit = map(int, (proc / "sys" / "fs" / "file-nr").read_text().split())
    return {"files": used, "files_limit": limit}


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` (sys/timex.h); the rest is room for what follows."""

    _fields_ = (
        ("modes", ctypes.c_int),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 512),
    )


def _clock(table: Table) -> dict[str, Any]:
    """adjtimex(2) with no modes, which changes nothing and needs no right; errors are in microseconds."""
    call = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    told = _Timex()
    if call is None:
        return {}
    if call(ctypes.byref(told)) < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    return {
        "synchronized": not told.status & _UNSYNC,
        "clock_error_s": told.maxerror / 1e6,
        "time_service": _time_service(table),
    }


def _time_service(table: Table) -> str | None:
    """Return a program that sets the clock and runs here; processes of other users may be hidden."""
    return next((entry.name for entry in table.values() if entry.name in _SERVICES), None)


def kernel_samples(kernel: Kernel, at: float) -> list[Sample]:
    """The series of what is there; those that could not be read have no value."""
    values: dict[str, tuple[float | None, str]] = {
        "memory_stalled_pct": (kernel.memory_stalled_pct, "%"),
        "conntrack_used_pct": (_share(kernel.tracked, kernel.tracked_limit), "%"),
        "system_files_used_pct": (_share(kernel.files, kernel.files_limit), "%"),
        "clock_synchronized": (_kept(kernel), ""),
        # Without a source it only grows to the kernel's own bound of 16 s, which says nothing.
        "clock_error_s": (kernel.clock_error_s if kernel.synchronized else None, "s"),
    }
    return [
        Sample(name, value, unit, at=at, low=0)
        for name, (value, unit) in values.items()
        if value is not None or _FIELD_OF.get(name) in kernel.failed
    ]


def _kept(kernel: Kernel) -> float | None:
    """1 or 0; None where nothing here is to set the clock: a container's or a guest's is kept by somebody else."""
    if kernel.synchronized is None or (not kernel.synchronized and kernel.time_service is None):
        return None
    return float(kernel.synchronized)


def why_no_value(kernel: Kernel) -> dict[str, Message]:
    """Say for each series without a value what the system answered."""
    return {
        metric: say("the kernel's answer cannot be read: {why}", why=kernel.failed[field])
        for metric, field in _FIELD_OF.items()
        if field in kernel.failed
    }


def kernel_notes(kernel: Kernel) -> tuple[Message, ...]:
    """Say where nobody can tell whether the clock is right."""
    if kernel.synchronized is False and kernel.time_service is None:
        return (say("no time service is seen here: whether the clock is right cannot be told"),)
    return ()


def _share(part: int | None, whole: int | None) -> float | None:
    """A limit of 0 is none (nf_conntrack_max)."""
    return round(part / whole * 100, 2) if part is not None and whole else None
