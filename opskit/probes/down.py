"""The evidence for a service that does not answer as it should: who listens at its port, which processes there are.

None means that this user may not see it, or that the evidence is older than the field.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from opskit.probes.base import Whole
from opskit.probes.machine import Queue


class Listener(msgspec.Struct, frozen=True):
    """A socket that listens at the port; `pid` is None where its process belongs to somebody else.

    `state` is that of /proc/PID/stat, such as S (sleeps), T (stopped), D (waits in the kernel) or Z (zombie).
    """

    address: str
    pid: Whole | None = None
    name: str = ""
    state: str = ""


class Process(msgspec.Struct, frozen=True):
    """A process that goes by the service's name, and the ports at which it is seen to listen."""

    pid: Whole
    name: str
    state: str = ""
    ports: list[Whole] = []


class Ended(msgspec.Struct, frozen=True):
    """What a source tells of the end of a service.

    systemd: `state` as `failed/failed`, `ago_s` seconds since the main process ended when it was asked, `result` and
    `code` its own words. log: `line` is what is kept of the last of it (`log_end`), `written` when the file was last
    written, in epoch seconds.
    """

    source: Literal["systemd", "log"]
    name: str
    state: str = ""
    result: str = ""
    code: Whole = 0
    restarts: Whole = 0
    ago_s: float | None = None
    line: str = ""
    written: float | None = None
    failed: str = ""


class Down(msgspec.Struct, frozen=True):
    """`here`: the address is one of this host. `all_seen`: no process of the host is hidden from this user."""

    port: Whole
    here: bool
    listeners: list[Listener] | None = None
    processes: list[Process] | None = None
    all_seen: bool = False
    queues: list[Queue] | None = None
    ended: list[Ended] = []
