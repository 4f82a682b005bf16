"""TCP sockets of the parts' ports, and the processes behind them with their open files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from opskit.model.regex import regex
from opskit.probes.address import port_of
from opskit.probes.machine import Machine, Owner, Socket
from opskit.probes.process_table import Table, family

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_LIMIT = regex(r"^Max open files +(\d+|unlimited)", re.MULTILINE)
_NGINX, _WORKER = "nginx", "nginx: worker"
Listing = list[Any]
"""What `psutil.net_connections` returns; its kind has no public name."""


def listing() -> Listing | None:
    """Return every TCP socket of this host, None where they may not be listed."""
    try:
        return psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None


def sockets(found: Listing, table: Table, ports: set[int]) -> list[Socket]:
    """Return those of the ports, without opskit's own."""
    # opskit's own questions do not count, at neither end. By ports: one end may write its addresses as IPv6.
    serves = _serving(found, table, ports)
    own = {(_port_of(item.laddr), _port_of(item.raddr)) for item in found if item.pid == os.getpid() and item.raddr}
    return [
        Socket(local, remote, item.status, -1 if item.pid is None else serves.get(item.pid, 0))
        for item in found
        if {local := _port_of(item.laddr), remote := _port_of(item.raddr)} & ports
        if not {(local, remote), (remote, local)} & own
    ]


def _serving(found: Listing, table: Table, ports: set[int]) -> dict[int, int]:
    """Which of the ports a process serves, by its pid: workers share the socket of whoever started them."""
    listens = [
        item for item in found if item.status == psutil.CONN_LISTEN and item.pid and _port_of(item.laddr) in ports
    ]
    return {pid: _port_of(item.laddr) for item in listens for pid in (*_family(table, item.pid), item.pid)}


def _port_of(address: tuple[str, int] | tuple[()]) -> int:
    """A psutil address is (ip, port), or empty for a socket without a peer."""
    return address[1] if address else 0


def owners(found: Listing, table: Table, ports: set[int]) -> tuple[list[Owner], list[int]]:
    """Return the processes that serve the ports, and the ports of which they are hidden from this user."""
    seen, hidden = list[Owner](), set[int]()
    for item in found:
        port = _port_of(item.laddr)
        if item.status != psutil.CONN_LISTEN or port not in ports:
            continue
        told = list(_owners(table, port, item.pid)) if item.pid else []
        seen += told
        if not told:
            hidden.add(port)
    return list(dict.fromkeys(seen)), sorted(hidden - {owner.port for owner in seen})


def _owners(table: Table, port: int, pid: int) -> Iterator[Owner]:
    """The process itself and its children: Nginx's workers share the master's socket, Ollama's runner is its child."""
    for member in _family(table, pid):
        try:
            files = sum(1 for _ in Path(f"/proc/{member}/fd").iterdir())
            match = _LIMIT.search(Path(f"/proc/{member}/limits").read_text())
        except OSError:
            continue  # it has ended, or belongs to somebody else
        if match:
            yield Owner(port, files, None if match[1] == "unlimited" else int(match[1]))


def _family(table: Table, pid: int) -> list[int]:
    """A process and its descendants; for one of Nginx's workers those of its master."""
    entry = table.get(pid)
    return family(table, entry.parent if entry is not None and entry.name == _NGINX and _is_worker(pid) else pid)


def _is_worker(pid: int) -> bool:
    try:
        return any(word.startswith(_WORKER) for word in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False


def is_here(url: str) -> bool:
    """Whether a URL names this host by a loopback address."""
    try:
        return (urlsplit(url).hostname or "") in _LOOPBACK
    except ValueError:
        return False


def listening(machine: Machine, url: str) -> bool | None:
    """Whether somebody listens at the port of a URL, None where sockets may not be listed."""
    if machine.sockets is None:
        return None
    return any(item.state == psutil.CONN_LISTEN and item.local == port_of(url) for item in machine.sockets)


def connections(machine: Machine, url: str, *, local: bool) -> int | None:
    """Count established connections: accepted ones at the part's own port, or those that go out to it."""
    if machine.sockets is None or not is_here(url):
        return None
    port = port_of(url)
    return sum(
        item.state == psutil.CONN_ESTABLISHED and (item.local if local else item.remote) == port
        for item in machine.sockets
    )


def forgotten(machine: Machine, gateway: str, ollama: str) -> int | None:
    """Count what the gateway has open to Ollama beyond what anybody has open to the gateway.

    None where it is hidden whose connections these are: a job that asks Ollama itself is none of the gateway's.
    """
    asking, asked = (connections(machine, url, local=False) for url in (gateway, ollama))
    if machine.sockets is None or asking is None or asked is None:
        return None
    port = port_of(ollama)
    owners = [item.by for item in machine.sockets if item.state == psutil.CONN_ESTABLISHED and item.remote == port]
    if -1 in owners:
        return None
    return max(0, sum(owner in {None, port_of(gateway)} for owner in owners) - asking)
