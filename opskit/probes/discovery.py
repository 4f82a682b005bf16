"""What of the chat's parts is found on this host, each with where that was seen. For `opskit init`.

The way is that of a question: the running Nginx names its configuration, that names the services behind it, their
processes name their files. Nothing is guessed: what is not found is said so, and its default stays in force.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import psutil

from opskit.model.message import Message, say
from opskit.probes.connections import Listing

_CONFIG_OPTIONS = ("--config", "-c", "-config", "--conf")
Value = str | int | tuple[str, ...]


class Found(msgspec.Struct, frozen=True):
    """A value for a key of the configuration, and how it was found."""

    key: str
    value: Value
    how: Message


class Missing(msgspec.Struct, frozen=True):
    """A part that was looked for in vain: what it is, and what to write or do instead."""

    part: str
    advice: Message


class Note(msgspec.Struct, frozen=True):
    """What is worth knowing of a part, and no key of the configuration takes."""

    part: str
    text: Message


Discovery = Found | Missing | Note


class Program(msgspec.Struct, frozen=True):
    """A process that serves a port."""

    pid: int
    name: str
    words: tuple[str, ...]
    folder: str
    files: tuple[str, ...]
    """What it has open for writing; empty also where this user may not see it."""

    @property
    def log(self) -> str | None:
        """The log that it writes."""
        return next((path for path in self.files if "log" in Path(path).name.lower()), None)

    @property
    def config(self) -> str | None:
        """The configuration file that its command line names."""
        for number, word in enumerate(self.words):
            option, _, value = word.partition("=")
            if option in _CONFIG_OPTIONS:
                value = value or (*self.words, "")[number + 1]
                path = Path(self.folder, value)
                return str(path) if value and path.is_file() else None
        return None


def program(pid: int) -> Program | None:
    """Return what may be seen of a process, None where it has ended."""
    try:
        process = psutil.Process(pid)
        name, words = process.name(), tuple(process.cmdline())
    except (psutil.Error, OSError):
        return None
    folder, files = "/", tuple[str, ...]()
    with contextlib.suppress(psutil.Error, OSError):
        folder = process.cwd()
        files = tuple(each.path for each in process.open_files() if "r" not in each.mode or "+" in each.mode)
    return Program(pid, name, words, folder, files)


def listener(found: Listing, port: int) -> Program | None:
    """Return the process that listens at a port of this host; None where there is none, or it is hidden."""
    pids = (each.pid for each in found if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr[1] == port)
    return next((told for pid in pids if pid and (told := program(pid))), None)


def listens(found: Listing, port: int) -> bool:
    """Whether somebody listens at a port of this host."""
    return any(each.status == psutil.CONN_LISTEN and each.laddr and each.laddr[1] == port for each in found)


def asked_by(found: Listing, pid: int) -> Iterator[int]:
    """Yield the ports of this host to which a process, or a child of it, has connections, each once."""
    try:
        family = {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
    except psutil.Error:
        family = {pid}
    peers = (each.raddr for each in found if each.pid in family and each.raddr)
    yield from dict.fromkeys(port for host, port in peers if host in {"127.0.0.1", "::1"})


def values(found: Iterable[Discovery]) -> dict[str, Value]:
    """Return the values by key."""
    return {each.key: each.value for each in found if isinstance(each, Found)}


def serving(key: str, value: Value, by: Program, port: int) -> Found:
    """Return a value that the process at a port tells of."""
    return Found(key, value, say("{name} (process {pid}) listens at port {port}", name=by.name, pid=by.pid, port=port))
