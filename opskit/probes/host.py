"""The machine itself: memory, disks, limits of the kernel and of the parts, and who is connected to whom right now.

Connections are live evidence of requests that have not ended, and so are in no log yet. Nothing here needs root; what
a user may not see is not measured, and said.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
import psutil

from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.model.reading import Reading
from opskit.model.sample import Sample
from opskit.model.settings import Settings, Stack
from opskit.probes.accept_queue import lasting, queues
from opskit.probes.address import port_of
from opskit.probes.answer import pack, unpack
from opskit.probes.base import Deadline, Probe, ProbeError, as_facts
from opskit.probes.connections import connections, forgotten, listening, listing, owners, sockets
from opskit.probes.disk import disk_details, disk_notes, disk_samples, disks_of, fullest
from opskit.probes.host_limits import limit_facts
from opskit.probes.kernel_state import kernel_notes, kernel_samples, kernel_state, why_no_value
from opskit.probes.machine import Disk, Kernel, Machine
from opskit.probes.part_limits import limit_details, limit_notes, limit_samples
from opskit.probes.process_table import processes

_SETTLE_S = 0.6
_SOCKET_FACTS = ("_connected", "_connections", "_listening")
_OF_FACTS = ("memory_available_pct", "swap_used_pct", "disk_free_pct", "load_per_core")


class Args(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """URLs of the parts, to know their ports, and folders whose disks must not fill up: of logs, models, temp files.

    Folders that do not exist are left out. `files` are the parts' logs, `named` whether a configuration names the
    parts. `settled` False is for whoever judges no connections: those of other probes' questions may be among them.
    """

    nginx: str = ""
    gateway: str = ""
    clawdbot: str = ""
    ollama: str = ""
    folders: tuple[str, ...] = (
        "/",
        "/var/log",
        "/tmp",  # noqa: S108  # looked at, never written
        "/var/lib/nginx",
        "/var/cache/nginx",
        "/usr/share/ollama/.ollama/models",
        "/var/lib/ollama",
    )
    files: tuple[str, ...] = ()
    named: bool = False
    settled: bool = True


class Facts(msgspec.Struct, frozen=True):
    """Connections are counted on this host; those to a part on another host are None.

    `..._listening`: some address of this host is listened at on the part's port, which need not be the one asked.
    `for_nobody`: connections from the gateway to Ollama beyond those that anybody has to the gateway.
    `gateway_waiting`: connections that the kernel took and the gateway did not, for longer than a moment;
    `..._files_pct`: open files of the part's process that has used most of what it may open. `traces`: logs of the
    parts that are on this host, and a configuration that names the parts.
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
    for_nobody: int | None = None
    gateway_waiting: int | None = None
    gateway_files_pct: float | None = None
    nginx_files_pct: float | None = None
    memory_stalled_pct: float | None = None
    conntrack_used_pct: float | None = None
    clock_synchronized: bool | None = None
    traces: int | None = None


class HostProbe(Probe[Args]):
    """Asks psutil, /proc and the kernel."""

    arguments = Args
    facts = Facts
    metrics = frozenset(
        {*_OF_FACTS, "room_free_pct", "room_free_bytes", "inodes_free_pct", "memory_stalled_pct", "files_used_pct"}
        | {"system_files_used_pct", "accept_queue_pct", "conntrack_used_pct", "clock_synchronized", "clock_error_s"}
    )

    def defaults(self, settings: Settings) -> Args:
        """The configured parts, and the folders of their logs beside the usual ones."""
        stack = settings.stack
        folders = tuple(dict.fromkeys((*Args().folders, *_log_folders(stack))))
        urls = (stack.nginx.url, stack.gateway.url, stack.clawdbot.url, stack.ollama.url)
        return Args(*urls, folders, tuple(_logs(stack)), named=stack != Stack())

    def collect(self, args: Args, deadline: Deadline) -> tuple[Raw, ...]:
        """Measure once."""
        deadline.enter(say("measure memory and load"))
        try:
            memory, swap = psutil.virtual_memory(), psutil.swap_memory()
        except (OSError, KeyError, ValueError) as error:  # what psutil raises where a line is missing
            why = getattr(error, "strerror", None) or "unexpected content"
            raise ProbeError(say("{path} cannot be read: {why}", path="/proc/meminfo", why=why)) from None
        disks = disks_of(args.folders, deadline)
        ports = set(_ports(args).values())
        before = queues(ports)
        left = deadline.enter(say("list the sockets"))
        # Other probes knock at the same doors: after a moment only what waits is still connected, or in a queue.
        if args.settled or any(queue.waiting for queue in (before or {}).values()):
            time.sleep(min(_SETTLE_S, left))
        found, table = listing(), processes()
        seen, hidden = owners(found or [], table, ports)
        machine = Machine(
            memory_total=memory.total,
            memory_available=memory.available,
            swap_total=swap.total,
            swap_used=swap.used,
            cores=psutil.cpu_count() or 1,
            load=psutil.getloadavg()[0],
            disks=disks,
            sockets=None if found is None else sockets(found, table, ports),
            queues=lasting(before, queues(ports)),
            owners=seen,
            hidden=hidden,
            kernel=kernel_state(table),
            traces=(*("configuration",) * args.named, *filter(os.path.lexists, args.files)),
        )
        return (pack("host.json", machine, "host"),)

    def read(self, raws: Sequence[Raw], args: Args, now: datetime) -> Reading:
        """Turn sizes into shares, sockets into connections."""
        machine, at = unpack(raws, Machine), now.timestamp()
        least = fullest(machine.disks)
        facts = _facts(machine, args, least)
        kernel = machine.kernel or Kernel()
        units = {"load_per_core": ""}
        samples = (
            *(Sample(name, getattr(facts, name), units.get(name, "%"), at=at, low=0) for name in sorted(_OF_FACTS)),
            *disk_samples(machine.disks, at),
            *kernel_samples(kernel, at),
            *limit_samples(machine, _ports(args), at),
        )
        notes = (*disk_notes(machine.disks), *kernel_notes(kernel), *limit_notes(machine, _ports(args)))
        told = {**as_facts(facts), **limit_facts(machine, samples, _ports(args))}
        why = {**disk_details(machine.disks), **limit_details(machine, _ports(args)), **_why(machine, facts)}
        evidence = _evidence(machine, facts, least, at) | _limit_evidence(machine, _ports(args), at)
        return Reading(told, evidence, why, samples, notes)


def _facts(machine: Machine, args: Args, least: Disk | None) -> Facts:
    asking, asked = (connections(machine, url, local=False) for url in (args.gateway, args.ollama))
    return Facts(
        memory_available_pct=_share(machine.memory_available, machine.memory_total),
        swap_used_pct=_share(machine.swap_used, machine.swap_total) if machine.swap_total else 0.0,
        disk_free_pct=_share(least.free, least.total) if least else None,
        load_per_core=round(machine.load / max(machine.cores, 1), 2),
        clients_connected=connections(machine, args.nginx, local=True),
        gateway_connections=asking,
        ollama_connections=asked,
        for_nobody=forgotten(machine, args.gateway, args.ollama),
        clawdbot_connections=connections(machine, args.clawdbot, local=False),
        nginx_listening=listening(machine, args.nginx),
        clawdbot_listening=listening(machine, args.clawdbot),
        gateway_listening=listening(machine, args.gateway),
        ollama_listening=listening(machine, args.ollama),
        traces=None if machine.traces is None else len(machine.traces),
    )


def _evidence(machine: Machine, facts: Facts, least: Disk | None, at: float) -> dict[str, tuple[Evidence, ...]]:
    listed = Evidence("/proc/net/tcp", _listed(machine), at=at)
    found: dict[str, tuple[Evidence, ...]]
    found = dict.fromkeys((name for name in Facts.__struct_fields__ if name.endswith(_SOCKET_FACTS)), (listed,))
    if machine.traces is not None:
        found["traces"] = (Evidence("files of this host", ", ".join(machine.traces) or "none", at=at),)
    if least:
        found["disk_free_pct"] = (Evidence(least.folder, f"{facts.disk_free_pct} %", field="free", at=at),)
    return found


def _limit_evidence(machine: Machine, ports: dict[str, int], at: float) -> dict[str, tuple[Evidence, ...]]:
    """The numbers behind the limits of parts, as words."""
    names = {"files_used_pct gateway": "gateway_files_pct", "files_used_pct nginx": "nginx_files_pct"}
    names["accept_queue_pct gateway"] = "gateway_waiting"
    told = limit_details(machine, ports)
    return {fact: (Evidence("/proc", str(told[series]), at=at),) for series, fact in names.items() if series in told}


def _listed(machine: Machine) -> str:
    states = Counter(item.state.lower() for item in machine.sockets or [])
    return ", ".join(f"{count} {state}" for state, count in states.most_common()) or "none"


def _why(machine: Machine, facts: Facts) -> dict[str, Message]:
    """Say for each fact and each series that is missing why it is."""
    if machine.sockets is None:
        hidden = say("sockets may not be listed by this user")
    else:
        hidden = say("its address is not of this host (127.0.0.1), so its connections cannot be counted here")
    why = why_no_value(machine.kernel or Kernel())
    for name in [name for name, value in as_facts(facts).items() if value is None]:
        why[name] = hidden if name.endswith(_SOCKET_FACTS) else say("the system does not tell")
    return why


def _ports(args: Args) -> dict[str, int]:
    """The ports of the parts that have one."""
    urls = {"nginx": args.nginx, "gateway": args.gateway, "clawdbot": args.clawdbot, "ollama": args.ollama}
    return {part: port for part, url in urls.items() if (port := port_of(url))}


def _log_folders(stack: Stack) -> list[str]:
    return [str(Path(log).parent) for log in _logs(stack)]


def _logs(stack: Stack) -> list[str]:
    logs = (stack.nginx.access_log, stack.nginx.error_log, stack.gateway.log, stack.clawdbot.log, stack.ollama.log)
    return [log for log in logs if log and log.startswith("/")]


def _share(part: float, whole: float) -> float | None:
    return round(part / whole * 100, 2) if whole > 0 else None
