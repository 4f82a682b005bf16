"""The newest part of a log as evidence: back to a time, over rotated and compressed members, within a size limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from opskit.logs.files import LogError, Truncated, lines, members, tail
from opskit.logs.redact import redact
from opskit.model.evidence import Evidence
from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.probes.base import Deadline, ProbeError

CAP_BYTES = 64 << 20
RECENT_BYTES = 8 << 20
_COMPRESSED = {".gz", ".bz2", ".xz"}
Stamp = Callable[[bytes], float | None]


class Line(msgspec.Struct, frozen=True):
    """One line of the evidence and where it stands."""

    source: str
    number: int
    data: bytes

    def evidence(self, at: float | None = None) -> Evidence:
        """Return the line as a proof, secrets removed."""
        return Evidence(self.source, redact(self.data.decode("utf-8", "surrogateescape")[:600]), self.number, at=at)


def collect_recent(name: str, path: str, deadline: Deadline) -> tuple[Raw, ...]:
    """Return the newest part of a log whose lines carry no time of their own, by size: the log and its last rotation.

    Raises ProbeError where the log cannot be read.
    """
    raws = list[Raw]()
    try:
        for position, member in enumerate(members(path)[:-3:-1]):
            deadline.enter(say("read {path}", path=str(member)))
            own = name if position == 0 else f"{name}.{position}"
            raws.append(_member(own, member, 0.0, lambda _line: None, RECENT_BYTES))
            if not raws[-1].complete or (raws[-1].data.strip() and position == 0):
                break
    except LogError as error:
        raise ProbeError(error.message) from None
    return tuple(reversed(raws))


def collect_log(name: str, path: str, since: float, stamp: Stamp, deadline: Deadline) -> tuple[Raw, ...]:
    """Return the lines of a log and its rotated members since `since` (epoch seconds), oldest first.

    Raises ProbeError where the log cannot be read; a damaged compressed member gives what it still holds.
    """
    room, raws = CAP_BYTES, list[Raw]()
    try:
        for position, member in enumerate(reversed(members(path))):
            deadline.enter(say("read {path}", path=str(member)))
            raw = _member(name if position == 0 else f"{name}.{position}", member, since, stamp, room)
            raws.append(raw)
            room -= len(raw.data)
            if not raw.complete or room <= 0 or _reaches(raw.data, since, stamp):
                break
    except LogError as error:
        raise ProbeError(error.message) from None
    return tuple(reversed(raws))


def _member(name: str, path: Path, since: float, stamp: Stamp, room: int) -> Raw:
    if path.suffix not in _COMPRESSED:
        part = tail(path, since, room, stamp)
        return Raw(name, part.data, str(path), part.first_line, part.complete)
    kept, first, size = list[bytes](), 1, 0
    try:
        for number, line in lines(path):
            if not kept and (stamp(line) or since) < since:
                continue
            first = number if not kept else first
            kept.append(line)
            size += len(line)
            if size > room:
                return Raw(name, b"\n".join(kept), str(path), first, complete=False)
    except Truncated:
        return Raw(name, b"\n".join(kept), str(path), first, complete=False)
    return Raw(name, b"\n".join(kept), str(path), first)


def _reaches(data: bytes, since: float, stamp: Stamp) -> bool:
    """True where the first line that has a time is older than the window: no older member is needed."""
    for line in data[: 1 << 20].split(b"\n"):
        at = stamp(line)
        if at is not None:
            return at < since
    return False


def read_lines(raws: Sequence[Raw]) -> Iterator[Line]:
    """Yield every line of the evidence with its place."""
    for raw in raws:
        for offset, data in enumerate(raw.data.split(b"\n")):
            if data:
                yield Line(raw.origin, raw.first_line + offset, data.removesuffix(b"\r"))
