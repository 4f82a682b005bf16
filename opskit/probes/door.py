"""Names and connections, with one distinction: whether the other side is in the way, or this host itself.

Where opskit may open no more files, or must not use the network, nothing is known of whoever was to be asked.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

_LIMITS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EPERM})


class OwnError(OSError):
    """It is this host that keeps opskit from asking: a limit or a missing right."""


def addresses_of(host: str, port: int) -> list[tuple[Any, ...]]:
    """Return what `getaddrinfo` does. Raises OwnError where it could not even look, else what it raises."""
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except socket.gaierror as error:
        if error.errno == socket.EAI_MEMORY:
            raise OwnError(errno.ENOMEM, error.strerror) from error
        raise
    except OSError as error:  # without files glibc tells of a busy device: never of the name
        raise OwnError(error.errno, error.strerror) from error


def connected(family: int, kind: int, protocol: int, address: Any, seconds: float) -> socket.socket:
    """Return a connection. Raises OwnError, or OSError where the other side or the way there is the reason.

    EACCES is this host's word (SELinux, a broadcast address), but over IPv6 also that of a router that forbids the way
    (Linux, icmpv6_err_convert).
    """
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        if error.errno == errno.EAFNOSUPPORT:
            raise
        raise OwnError(error.errno, error.strerror) from error
    try:
        sock.settimeout(seconds)
        sock.connect(address)
    except OSError as error:
        sock.close()
        if error.errno in _LIMITS or (error.errno == errno.EACCES and family == socket.AF_INET):
            raise OwnError(error.errno, error.strerror) from error
        raise
    return sock
