"""Waiting for the lab's parts to do what they shall."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable

from opskit.lab.record import LabError
from opskit.model.message import Message, say

_TICK_S = 0.05


def answers(part: str, port: int) -> bool:
    """Whether a part accepts connections and, but for Nginx, answers a request."""
    if part == "nginx":
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/health" if part != "ollama" else "/")
        return connection.getresponse().status < 600
    except OSError:
        return False
    finally:
        connection.close()


def until(reached: Callable[[], bool], what: str, within_s: float = 5.0) -> None:
    """Wait until it is so. Raises LabError after `within_s`; `what` is what Nginx was to do."""
    deadline = time.monotonic() + within_s
    while not reached():
        if time.monotonic() > deadline:
            raise LabError(say("nginx did not {what} within {seconds} s", what=what, seconds=within_s))
        time.sleep(_TICK_S)


def not_ready(part: str, printed: str, *, ended: bool) -> Message:
    """Why a part cannot be used, with what it printed last."""
    if ended:
        return say("{part} ended: {printed}", part=part, printed=printed)
    return say("{part} does not answer: {printed}", part=part, printed=printed)
