"""`opskit install`: the files with which systemd or cron starts opskit, and the commands that put them into force.

Only files are written, and none that stands there with another content: who changed it wanted it so.
"""

from __future__ import annotations

import grp
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from opskit.app.context import Context
from opskit.definitions.search import SETTINGS, SITE
from opskit.model.message import Message, say
from opskit.schedule import units

_MAKE_USER = ("systemd-sysusers",)
_SEARCHED = ("/usr/local/bin/opskit", "/usr/bin/opskit")


class Piece(msgspec.Struct, frozen=True):
    """A file with its content."""

    path: Path
    text: str


class Plan(msgspec.Struct, frozen=True):
    """What is written, what is to be run then, and what should be known before."""

    files: tuple[Piece, ...]
    commands: tuple[tuple[str, ...], ...]
    remarks: tuple[Message, ...] = ()


class InstallError(Exception):
    """It cannot be installed; `message` says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


def plan_of(context: Context, kind: str, *, user: bool) -> Plan:
    """Return what `systemd` or `cron` needs on this host."""
    program = _program()
    if user and kind == "cron":
        raise InstallError(say("--user is for systemd: a user's own crontab is edited with crontab -e"))
    if user:
        return _for_user(program)
    groups = tuple(sorted(set(_groups(context))))
    host = units.Host(program, groups, (context.settings.history.spare,))
    remarks = tuple(_remarks(program, groups))
    made = Piece(Path(units.SYSUSERS), units.sysusers(host))
    shared = tuple(_shared())
    if kind == "cron":
        folder = ("install", "-d", "-o", units.USER, "-g", units.USER, "-m", "0750", "/var/lib/opskit")
        return Plan((made, Piece(Path(units.CRON), units.cron(host))), (_MAKE_USER, *shared, folder), remarks)
    start = (("systemctl", "daemon-reload"), ("systemctl", "enable", "--now", "opskit.service"))
    return Plan((made, Piece(Path(units.SERVICE), units.service(host))), (_MAKE_USER, *shared, *start), remarks)


def _for_user(program: str) -> Plan:
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    path = home / "systemd" / "user" / "opskit.service"
    commands = (
        ("systemctl", "--user", "daemon-reload"),
        ("systemctl", "--user", "enable", "--now", "opskit.service"),
        ("loginctl", "enable-linger"),
    )
    return Plan((Piece(path, units.user_service(units.Host(program))),), commands)


def _shared() -> Iterator[tuple[str, ...]]:
    """What lets the new user read the host's configuration, where not everybody may."""
    path = SITE / SETTINGS
    with suppress(OSError):
        if path.stat().st_mode & 0o004 == 0:
            yield ("chgrp", units.USER, str(path))


def write(plan: Plan) -> list[Path]:
    """Write the files; return those that are new. Raises InstallError, before anything is written."""
    fresh = []
    for piece in plan.files:
        try:
            known = piece.path.read_text()
        except FileNotFoundError:
            fresh.append(piece)
            continue
        except (OSError, UnicodeError) as error:
            raise InstallError(say("{path} cannot be read: {why}", path=str(piece.path), why=str(error))) from None
        if known != piece.text:
            raise InstallError(
                say(
                    "{path} is there already and differs: compare it with --dry-run, or move it away",
                    path=str(piece.path),
                )
            )
    for piece in fresh:
        try:
            piece.path.parent.mkdir(parents=True, exist_ok=True)
            with piece.path.open("x") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(piece.text)
        except OSError as error:
            why = error.strerror or str(error)
            raise InstallError(say("{path} cannot be written: {why}", path=str(piece.path), why=why)) from None
    return [piece.path for piece in fresh]


def _program() -> str:
    """The console script of this interpreter, else one that is on the usual paths."""
    own = Path(sys.executable).with_name("opskit")
    return next((path for path in (str(own), *_SEARCHED) if os.access(path, os.X_OK)), str(own))


def _groups(context: Context) -> Iterator[str]:
    """The groups whose members may read what others may not: those of the logs, and that of the journal."""
    stack = context.settings.stack
    files = [stack.nginx.access_log, stack.nginx.error_log, stack.gateway.log, stack.ollama.log, stack.host.kernel_log]
    for path in files:
        name = group_of(path)
        if name is not None:
            yield name
    if stack.ollama.log.startswith("unit:") or stack.host.kernel_log == "journal":
        yield "systemd-journal"


def group_of(path: str) -> str | None:
    """The group that may read a file which not everybody may; root's own is nobody's to join."""
    for one in (Path(path), Path(path).parent):
        try:
            found = one.stat()
            name = grp.getgrgid(found.st_gid).gr_name
        except (OSError, KeyError, ValueError):
            continue
        if found.st_mode & 0o004 == 0 and found.st_mode & 0o040 and name != "root":
            return name
    return None


def _remarks(program: str, groups: tuple[str, ...]) -> Iterator[Message]:
    if program.startswith(("/root/", "/home/")):
        yield say("{program} lies in a home: the user opskit may not be able to read it there", program=program)
    if not groups:
        yield say("no log of the configuration was found that a group may read: add groups where opskit says so")


def shown(command: tuple[str, ...]) -> str:
    """Return a command as it is typed."""
    return shlex.join(command)
