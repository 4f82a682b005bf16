"""The machine itself: memory, disks, and who is connected to whom right now.

Connections are live evidence of requests that have not ended, and so are in no log yet.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import psutil

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings
from opskit.probes.address import port_of
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, Whole, as_facts

_SETTLE_S = 0.6
_SOCKET_FACTS = ("_connected", "_connections", "_listening")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """URLs of the parts, to know their ports, and folders whose disks must not fill up."""

    nginx: str = ""
    gateway: str = ""
    clawdbot: str = ""
    ollama: str = ""
    folders: tuple[str, ...] = ("/", "/var/log", "/tmp")  # noqa: S108  # looked at, never written


class Facts(msgspec.Struct, frozen=True):
    """Connections are counted on this host; those to a part on another host are None.

    `..._listening`: some address of this host is listened at on the part's port, which need not be the one asked.
    """

    memory_available_pct: float | None = None
    swap_used_pct: float | None = None
    disk_free_pct: float | None = None
    load_per_core: float | None = None
    clients_connected: int | None = None
    gateway_connections: int | None = None
    ollama_connections: int | None = None
    clawdbot_connections: int | None = None
    nginx_listening: bool | None = None
    clawdbot_listening: bool | None = None
    gateway_listening: bool | None = None
    ollama_listening: bool | None = None


class Socket(msgspec.Struct, frozen=True):
    """One TCP socket: ports and state, no addresses, which are nobody's business in a bundle."""

    local: Whole
    remote: Whole
    state: str


class Disk(msgspec.Struct, frozen=True):
    """A file system behind one of the folders; sizes in bytes."""

    folder: str
    total: Whole
    free: Whole


class Machine(msgspec.Struct, frozen=True):
    """The evidence: memory in bytes, load of the last minute, disks, sockets (None where they may not be listed)."""

    memory_total: Whole
    memory_available: Whole
    swap_total: Whole
    swap_used: Whole
    cores: Whole
    load: float
    disks: list[Disk]
    sockets: list[Socket] | None


class HostProbe(Probe[Args]):
    """Asks psutil."""

    arguments = Args
    facts = Facts
    metrics = frozenset({"memory_available_pct", "swap_used_pct", "disk_free_pct", "load_per_core"})

    def defaults(self, settings: Settings) -> Args:
        """The configured parts."""
        stack = settings.stack
        return Args(stack.nginx.url, stack.gateway.url, stack.clawdbot.url, stack.ollama.url)

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Measure once."""
        deadline.enter(say("measure memory and load"))
        memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        deadline.enter(say("measure the disks"))
        disks = [disk for folder in args.folders if (disk := _disk(folder)) is not None]
        # Other probes knock at the same doors: after a moment only what waits is still connected.
        time.sleep(min(_SETTLE_S, deadline.enter(say("list the sockets"))))
        machine = Machine(
            memory_total=memory.total,
            memory_available=memory.available,
            swap_total=swap.total,
            swap_used=swap.used,
            cores=psutil.cpu_count() or 1,
            load=psutil.getloadavg()[0],
            disks=disks,
            sockets=_sockets({port for port in map(port_of, _urls(args)) if port}),
        )
        return (pack("host.json", machine, "host"),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Turn sizes into shares, sockets into connections."""
        machine, at = unpack(raws, Machine), now.timestamp()
        fullest = min(machine.disks, key=lambda disk: disk.free / max(disk.total, 1), default=None)
        facts = Facts(
            memory_available_pct=_share(machine.memory_available, machine.memory_total),
            swap_used_pct=_share(machine.swap_used, machine.swap_total) if machine.swap_total else 0.0,
            disk_free_pct=_share(fullest.free, fullest.total) if fullest else None,
            load_per_core=round(machine.load / max(machine.cores, 1), 2),
            clients_connected=_connections(machine, args.nginx, local=True),
            gateway_connections=_connections(machine, args.gateway, local=False),
            ollama_connections=_connections(machine, args.ollama, local=False),
            clawdbot_connections=_connections(machine, args.clawdbot, local=False),
            nginx_listening=_listening(machine, args.nginx),
            clawdbot_listening=_listening(machine, args.clawdbot),
            gateway_listening=_listening(machine, args.gateway),
            ollama_listening=_listening(machine, args.ollama),
        )
        units = {"load_per_core": ""}
        samples = tuple(
            Sample(name, getattr(facts, name), units.get(name, "%"), at=at, low=0) for name in sorted(self.metrics)
        )
        sockets = Evidence("sockets of this host", _listed(machine), at=at)
        evidence: dict[str, tuple[Evidence, ...]]
        evidence = dict.fromkeys((name for name in Facts.__struct_fields__ if name.endswith(_SOCKET_FACTS)), (sockets,))
        if fullest:
            evidence["disk_free_pct"] = (Evidence(fullest.folder, f"{facts.disk_free_pct} %", field="free", at=at),)
        return Reading(as_facts(facts), evidence, _why(machine, facts), samples)


def _listed(machine: Machine) -> str:
    states = Counter(item.state.lower() for item in machine.sockets or [])
    return ", ".join(f"{count} {state}" for state, count in states.most_common()) or "none"


def _why(machine: Machine, facts: Facts) -> dict[str, Message]:
    """Say for each fact that is missing why it is."""
    if machine.sockets is None:
        sockets = say("sockets may not be listed by this user")
    else:
        sockets = say("its address is not of this host (127.0.0.1), so its connections cannot be counted here")
    why = {}
    for name in [name for name, value in as_facts(facts).items() if value is None]:
        why[name] = sockets if name.endswith(_SOCKET_FACTS) else say("the system does not tell")
    return why


def _urls(args: Args) -> tuple[str, ...]:
    return (args.nginx, args.gateway, args.clawdbot, args.ollama)


def _disk(folder: str) -> Disk | None:
    if not Path(folder).is_dir():
        return None
    try:
        usage = psutil.disk_usage(folder)
    except OSError:  # a mount that is gone, or not ours to look at
        return None
    return Disk(folder, usage.total, usage.free)


def _sockets(ports: set[int]) -> list[Socket] | None:
    try:
        found = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    # opskit's own questions do not count, at neither end. By ports: one end may write its addresses as IPv6.
    own = {(_port_of(item.laddr), _port_of(item.raddr)) for item in found if item.pid == os.getpid() and item.raddr}
    return [
        Socket(local, remote, item.status)
        for item in found
        if {local := _port_of(item.laddr), remote := _port_of(item.raddr)} & ports
        if not {(local, remote), (remote, local)} & own
    ]


def _port_of(address: tuple[str, int] | tuple[()]) -> int:
    """A psutil address is (ip, port), or empty for a socket without a peer."""
    return address[1] if address else 0


def _share(part: float, whole: float) -> float | None:
    return round(part / whole * 100, 2) if whole > 0 else None


def _is_here(url: str) -> bool:
    try:
        return (urlsplit(url).hostname or "") in _LOOPBACK
    except ValueError:
        return False


def _listening(machine: Machine, url: str) -> bool | None:
    if machine.sockets is None:
        return None
    return any(item.state == psutil.CONN_LISTEN and item.local == port_of(url) for item in machine.sockets)


def _connections(machine: Machine, url: str, *, local: bool) -> int | None:
    """Count established connections: accepted ones at the part's own port, or those that go out to it."""
    if machine.sockets is None or not _is_here(url):
        return None
    port = port_of(url)
    return sum(
        item.state == psutil.CONN_ESTABLISHED and (item.local if local else item.remote) == port
        for item in machine.sockets
    )
