"""What is remembered of a lab between commands: the plan, the processes, the faults that are in. One file, one lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from opskit.definitions.search import lab_marker
from opskit.lab.plan import PARTS, Plan
from opskit.lab.process import Running
from opskit.model.message import Message, say

_FILE = "lab.json"


class LabError(Exception):
    """A lab that cannot be used as asked; the message says why and what to do."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


class Record(msgspec.Struct, frozen=True):
    """`running` has every part that was started, alive or not; `broken` the ids of the faults, oldest first.

    `tainted` parts are not what their configuration says, and have to be restarted to be well again.
    """

    plan: Plan
    running: dict[str, Running] = {}
    broken: tuple[str, ...] = ()
    tainted: tuple[str, ...] = ()
    started_at: float = 0.0

    def alive(self) -> bool:
        """Whether any part of it is."""
        return any(process.alive() for process in self.running.values())

    def state_of(self, part: str) -> str:
        """`up`, `frozen` or `down`."""
        process = self.running.get(part)
        if process is None or not process.alive():
            return "down"
        return "frozen" if process.state == "T" else "up"


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder in which this user's lab is remembered."""
    return lab_marker(environment).parent


def load(directory: Path) -> Record | None:
    """Return what is remembered of the lab in a folder, None where there is none. Raises LabError."""
    path = directory / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        text = say("{path} cannot be read ({why}): remove it if no lab runs there", path=str(path), why=str(error))
        raise LabError(text) from error


def save(record: Record) -> None:
    """Remember a lab."""
    path = record.plan.root / _FILE
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    fresh.replace(path)


def forget(record: Record) -> None:
    """The lab is down."""
    (record.plan.root / _FILE).unlink(missing_ok=True)


def found(environment: Mapping[str, str] = os.environ) -> Record | None:
    """Return this user's lab, alive or dead."""
    try:
        directory = Path(lab_marker(environment).read_text("utf-8").strip())
    except OSError:
        return None
    return load(directory)


@contextmanager
def locked(environment: Mapping[str, str] = os.environ) -> Iterator[None]:
    """One command at a time may change this user's lab. Raises LabError where another is at it."""
    folder = home(environment)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(say("another opskit lab command is at work: wait until it has ended")) from None
        yield


def order(*, backwards: bool = False) -> tuple[str, ...]:
    """The parts from back to front, as they are started; backwards, so that none sees its backend vanish."""
    return tuple(reversed(PARTS)) if backwards else PARTS
