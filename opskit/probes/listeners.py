"""Looks for the process behind a port that does not answer: sockets and processes by psutil, queues of the kernel.

Imported only when something is wrong: psutil takes longer to load than the question it answers.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

import psutil

from opskit.logs.redact import redact
from opskit.model.regex import regex
from opskit.probes.accept_queue import queues
from opskit.probes.connections import Listing, listing
from opskit.probes.down import Down, Listener, Process

_NAMES = ("clawdbot", "openclaw", "moltbot")
_OWN = regex(rf"(?:^|[/.@])(?:{'|'.join(_NAMES)})(?:-gateway)?(?:$|[/.@](?!log|ya?ml|json))")
_INTERPRETER = regex(r"(?:node|nodejs|bun|deno|python[\d.]*)$")
_PROXIES = ("docker-proxy", "rootlessport", "slirp4netns", "pasta", "conmon", "kube-proxy")
_MOST = 20
_LONGEST = 64
_LETTERS = {
    psutil.STATUS_RUNNING: "R",
    psutil.STATUS_SLEEPING: "S",
    psutil.STATUS_DISK_SLEEP: "D",
    psutil.STATUS_STOPPED: "T",
    psutil.STATUS_TRACING_STOP: "t",
    psutil.STATUS_ZOMBIE: "Z",
    psutil.STATUS_IDLE: "I",
}


def look(host: str, port: int) -> Down:
    """Return who listens at the port, and the processes of the service by its names; it never waits for anybody."""
    if not is_of_this_host(host):
        return Down(port, here=False)
    found = listing()
    waiting = queues({port})
    processes, all_seen = _processes(found or [])
    return Down(
        port,
        here=True,
        listeners=None if found is None else _listeners(found, port),
        processes=processes,
        all_seen=all_seen,
        queues=None if waiting is None else list(waiting.values())[:_MOST],
    )


def same_network(host: str, port: int) -> bool | None:
    """Whether the service behind a port has the network namespace of this process; None where that may not be seen."""
    if not is_of_this_host(host):
        return None
    pids = {
        item.pid
        for item in listing() or []
        if item.status == psutil.CONN_LISTEN and item.laddr and item.laddr[1] == port
    }
    answers = {_shares_network(pid) for pid in pids}
    return answers.pop() if len(answers) == 1 else None


def _shares_network(pid: int | None) -> bool | None:
    """A proxy of a container's engine listens for somebody who has another network."""
    if pid is None:
        return None
    try:
        if psutil.Process(pid).name().startswith(_PROXIES):
            return False
        return Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
    except (psutil.Error, OSError):
        return None


def is_of_this_host(host: str) -> bool:
    """Whether a name or an address of a URL is this host's own, by the first address that it has."""
    try:
        address = ipaddress.ip_address(_first_address(host).partition("%")[0])
        if address.is_loopback or address.is_unspecified:
            return True
        own = {item.address.partition("%")[0] for items in psutil.net_if_addrs().values() for item in items}
    except (psutil.Error, OSError, ValueError):
        return False
    return str(address) in own


def _first_address(host: str) -> str:
    """Raises OSError where a name has none; what is an address already is not asked for."""
    if ":" in host or host.replace(".", "").isdecimal():
        return host
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])


def _listeners(found: Listing, port: int) -> list[Listener]:
    mine = [item for item in found if item.status == psutil.CONN_LISTEN and item.laddr and item.laddr[1] == port]
    rows = [Listener(_shown(item.laddr[0], item.family), item.pid, *_told(item.pid)) for item in mine[:_MOST]]
    return list(dict.fromkeys(rows))


def _shown(address: str, family: int) -> str:
    return f"[{address}]" if family == socket.AF_INET6 else address


def _told(pid: int | None) -> tuple[str, str]:
    if pid is None:
        return "", ""
    try:
        process = psutil.Process(pid)
        name = process.name()
        return _named(process, name), _LETTERS.get(process.status(), "")
    except (psutil.Error, OSError):
        return "", ""


def _named(process: psutil.Process, name: str) -> str:
    """Its service's name where it has one, else that of its program."""
    try:
        return _service_name(name, process.cmdline()) or name[:_LONGEST]
    except (psutil.Error, OSError):
        return name[:_LONGEST]


def _processes(found: Listing) -> tuple[list[Process] | None, bool]:
    """The processes of the service, and whether those of all users were looked at (/proc may be mounted hidepid)."""
    try:
        pids = psutil.pids()
    except (psutil.Error, OSError):
        return None, False
    all_seen = 1 in pids
    rows = list[Process]()
    for pid in pids:
        if pid == os.getpid():
            continue
        try:
            process = psutil.Process(pid)
            name = _service_name(process.name(), process.cmdline())
            if name is not None:
                ports = {item.laddr[1] for item in found if item.pid == pid and item.status == psutil.CONN_LISTEN}
                rows.append(Process(pid, name, _LETTERS.get(process.status(), ""), sorted(ports)[:_MOST]))
        except psutil.ZombieProcess:
            rows += _zombie(pid)
        except psutil.NoSuchProcess:
            continue
        except (psutil.Error, OSError):
            all_seen = False
    return rows[:_MOST], all_seen


def _zombie(pid: int) -> list[Process]:
    """A zombie has a name and nothing else."""
    try:
        name = psutil.Process(pid).name()
    except (psutil.Error, OSError):
        return []
    return [Process(pid, name[:_LONGEST], "Z")] if name.startswith(_NAMES) else []


def _service_name(name: str, words: list[str]) -> str | None:
    """What a process of the service is called: its program, or the script or module that an interpreter runs.

    None for all others; what other arguments say, such as the name of a log, does not count.
    """
    if name.startswith(_NAMES):
        return name[:_LONGEST]
    if not words or not _INTERPRETER.search(words[0].rpartition("/")[2]):
        return None
    plain = (word for word in words[1:] if not word.startswith("-"))
    script = words[2] if len(words) > 2 and words[1] == "-m" else next(plain, "")
    return f"{name} {redact(script)}"[:_LONGEST] if _OWN.search(script) else None
