"""What every part of the lab that serves HTTP has: a config file, a log, a socket, signals, clients that go away."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import uvicorn
import yaml
from starlette.types import ASGIApp, Receive

_T = TypeVar("_T")


class ConfigError(Exception):
    """A config file that cannot be used; the text is one line that names the file and what is wrong."""


class ClientLeftError(Exception):
    """The caller closed its connection before it had its whole answer."""


def read_config(path: Path, shape: type[_T]) -> _T:
    """Return the YAML file as `shape`; raises ConfigError."""
    try:
        data = yaml.safe_load(path.read_bytes())
        return msgspec.convert({} if data is None else data, shape)
    except (OSError, yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ConfigError(f"{path}: {reason}") from error


def local_now() -> datetime:
    """The time of day in the host's zone."""
    return datetime.now(UTC).astimezone()


class LogFile:
    """A log that is appended to, one write per line, so that whoever reads or truncates it never sees half a line."""

    def __init__(self, path: Path) -> None:
        """Open it at once; raises ConfigError."""
        self._open(path)

    def reopen(self, path: Path) -> None:
        """Go on in a fresh file, as after a rotation. Raises ConfigError if it cannot, and goes on in the old one."""
        old = self._descriptor
        self._open(path)
        os.close(old)

    def write(self, line: str) -> None:
        """Append a line; a full disk must not stop the service, so it is only mentioned."""
        try:
            os.write(self._descriptor, line.encode("utf-8", "backslashreplace") + b"\n")
        except OSError as error:
            sys.stderr.write(f"log: {error.strerror}\n")

    def _open(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        except OSError as error:
            raise ConfigError(f"log: {path}: {error.strerror}") from error


def listening(host: str, port: int) -> socket.socket:
    """Return a bound socket; an empty host means all interfaces, IPv6 too where there is any, as Go's `:PORT`.

    Raises ConfigError.
    """
    try:
        if not host and socket.has_dualstack_ipv6():
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while")[0]
        raise ConfigError(f"listen {host}:{port}: {reason}") from error


@asynccontextmanager
async def reloaded_on_hangup(reload: Callable[[], None]) -> AsyncIterator[None]:
    """Call `reload` at each SIGHUP."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))
    yield


def serve(app: ASGIApp, sock: socket.socket) -> None:
    """Serve until SIGTERM; streams that are open then have one second to end."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # it would believe X-Forwarded-For from loopback before any rule of ours sees it
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[sock])


def main(start: Callable[[Path], None], name: str) -> None:
    """Run `python -m opskit.lab.NAME --config FILE`: what cannot be used is one line on stderr and exit code 2."""
    # uvicorn sends itself the signal again once all is closed: a polite end is no failure. A SIGHUP that comes before
    # the service can reload waits until it can.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))
    match sys.argv[1:]:
        case ["--config", path]:
            try:
                start(Path(path))
            except ConfigError as error:
                sys.stderr.write(f"{error}\n")
                sys.exit(2)
        case _:
            sys.stderr.write(f"usage: python -m opskit.lab.{name} --config FILE\n")
            sys.exit(2)


async def while_client_stays(work: Coroutine[Any, Any, None], receive: Receive, finish: bool = False) -> None:
    """Run `work` to its end. When the client leaves before, cancel it and raise ClientLeftError.

    With `finish` the work goes on in the background although nobody listens any more.
    """
    task = asyncio.ensure_future(work)
    watcher = asyncio.ensure_future(_left(receive))
    orphaned = False
    try:
        await asyncio.wait((task, watcher), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        orphaned = finish
    finally:
        await _end(watcher, *(() if orphaned else (task,)))
    if orphaned:
        _orphans.add(task)
        task.add_done_callback(_orphans.discard)
    raise ClientLeftError


_orphans: set[asyncio.Future[None]] = set()  # the loop itself keeps only weak references


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: asyncio.Future[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
