"""The evidence of the host probe: what one look at a machine found. Later fields have defaults, for older bundles.

None means that the machine has no such thing, or that the evidence is older than the field; what is there and could
not be read stands in `failed`.
"""

from __future__ import annotations

import msgspec

from opskit.probes.base import Whole


class Socket(msgspec.Struct, frozen=True):
    """One TCP socket: ports and state, no addresses, which are nobody's business in a bundle.

    `by`: the process at its own end serves this port, 0 for none of the parts', -1 where it is hidden.
    """

    local: Whole
    remote: Whole
    state: str
    by: Whole | None = None


class Queue(msgspec.Struct, frozen=True):
    """Connections that a listening socket has and its program has not accepted, and how many the kernel would keep."""

    port: Whole
    waiting: Whole
    limit: Whole


class Owner(msgspec.Struct, frozen=True):
    """A process that serves a port: the files it has open, and its own soft limit (None where there is none)."""

    port: Whole
    files: Whole
    limit: Whole | None


class Disk(msgspec.Struct, frozen=True):
    """A file system behind one of the folders; sizes in bytes, as an ordinary user may fill them (f_bavail).

    `inodes` is 0 where the file system counts none (btrfs, vfat). `failed` is the system's word where it may not be
    looked at: the numbers mean nothing then.
    """

    folder: str
    total: Whole
    free: Whole
    mount: str = ""
    kind: str = ""
    used: Whole | None = None
    inodes: Whole | None = None
    inodes_free: Whole | None = None
    read_only: bool = False
    failed: str = ""


class Kernel(msgspec.Struct, frozen=True):
    """What the kernel tells of itself in /proc and by adjtimex(2).

    `memory_stalled_pct`: share of the last 60 s in which some task waited for memory (PSI `some avg60`). `tracked`:
    connections in conntrack's table. `files`: open files of the whole system. `synchronized`: the clock follows a
    time source (STA_UNSYNC is not set), `clock_error_s` its greatest error, `time_service` a program that runs here
    to set it. `failed`: the system's word by field.
    """

    memory_stalled_pct: float | None = None
    tracked: Whole | None = None
    tracked_limit: Whole | None = None
    files: Whole | None = None
    files_limit: Whole | None = None
    synchronized: bool | None = None
    clock_error_s: float | None = None
    time_service: str | None = None
    failed: dict[str, str] = {}


class Machine(msgspec.Struct, frozen=True):
    """Memory in bytes, load of the last minute, disks, sockets (None where they may not be listed), logs that exist."""

    memory_total: Whole
    memory_available: Whole
    swap_total: Whole
    swap_used: Whole
    cores: Whole
    load: float
    disks: list[Disk]
    sockets: list[Socket] | None
    queues: list[Queue] | None = None
    owners: list[Owner] | None = None
    hidden: list[Whole] = []
    """Ports that are listened at by processes which this user may not look into."""
    kernel: Kernel | None = None
    traces: tuple[str, ...] | None = None
