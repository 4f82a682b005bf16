"""One at a time on this host: a name that the kernel gives to one process only, and takes back when that one ends."""

from __future__ import annotations

import errno
import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from opskit.model.message import say
from opskit.probes.base import Deadline, ProbeError

_AGAIN_S = 0.05


@contextmanager
def alone(purpose: str, deadline: Deadline, needed_s: float) -> Iterator[None]:
    """Wait for one's turn, as long as `needed_s` seconds are left afterwards.

    The name is an address in Linux's abstract namespace (unix(7)): no file remains of it, and every user sees it.
    Raises ProbeError where it is somebody else's turn for too long.
    """
    name = "\0opskit-" + hashlib.sha256(purpose.encode("utf-8", "surrogateescape")).hexdigest()[:32]
    with socket.socket(socket.AF_UNIX) as held:
        while not _is_taken(held, name):
            if deadline.left < needed_s:
                raise ProbeError(say("another opskit asks a question just now: ask again when it has ended"))
            time.sleep(_AGAIN_S)
        yield


def _is_taken(held: socket.socket, name: str) -> bool:
    """Take the name; True as well where the system has no such names, and nobody can be waited for."""
    try:
        held.bind(name)
    except OSError as error:
        return error.errno != errno.EADDRINUSE
    return True
