"""How many connections wait to be accepted at a listening port, asked of the kernel as ss(8) does: no root needed.

A sock_diag(7) dump of listening sockets: for these `idiag_rqueue` is the number that waits and `idiag_wqueue` the most
that the kernel would keep (net/ipv4/tcp_diag.c).
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

from opskit.probes.machine import Queue

_NETLINK_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_LISTEN = 1 << 10
_ERROR, _DONE = 2, 3
_HEAD = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_QUERY = struct.Struct("=BBBBI48s")  # family, protocol, extensions, padding, states, socket
_PORT = struct.Struct("!4xH")
_COUNTS = struct.Struct("=56xII4xI")  # waiting, limit, inode
_TIMEOUT_S = 1.0
_ROOM = 1 << 16
Queues = dict[int, Queue]


def queues(ports: set[int]) -> Queues | None:
    """Return the accept queues of the ports, by the inode of their sockets; None where the kernel does not tell."""
    found: Queues = {}
    try:
        for family in (socket.AF_INET, socket.AF_INET6):
            for message in _dump(family):
                (port,), (waiting, limit, inode) = _PORT.unpack_from(message), _COUNTS.unpack_from(message)
                if port in ports:
                    found[inode] = Queue(port, waiting, limit)
    except (OSError, AttributeError, struct.error):  # no Linux, no sock_diag in it, or a filter before it
        return None
    return found


def _dump(family: int) -> Iterator[bytes]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as link:
        link.settimeout(_TIMEOUT_S)
        query = _QUERY.pack(family, socket.IPPROTO_TCP, 0, 0, _LISTEN, b"")
        link.sendall(_HEAD.pack(_HEAD.size + len(query), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + query)
        while True:
            for kind, body in _messages(link.recv(_ROOM)):
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError
                yield body


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Take a datagram apart: messages begin at multiples of four bytes."""
    begin = 0
    while begin < len(data):
        length, kind, *_ = _HEAD.unpack_from(data, begin)
        if length < _HEAD.size:
            raise OSError
        yield kind, data[begin + _HEAD.size : begin + length]
        begin += (length + 3) & ~3


def lasting(before: Queues | None, after: Queues | None) -> list[Queue] | None:
    """Of two looks a moment apart, what waited in both: a program that is alive has accepted the rest."""
    if before is None or after is None:
        return None
    return [
        Queue(queue.port, min(queue.waiting, before[inode].waiting), queue.limit)
        for inode, queue in after.items()
        if inode in before
    ]
