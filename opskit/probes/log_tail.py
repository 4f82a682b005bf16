"""The newest part of a log as evidence: back to a time, over rotated and compressed members, within a size limit."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from opskit.logs.files import LogError, Truncated, lines, tail
from opskit.logs.redact import redact
from opskit.logs.rotated import members
from opskit.model.evidence import Evidence
from opskit.model.message import Message, say
from opskit.model.raw import Raw
from opskit.probes.base import Deadline, ProbeError

CAP_BYTES = 64 << 20
AT_ONCE_BYTES = 16 << 20
"""As much as can be parsed while somebody waits for a diagnosis, several logs at a time."""
RECENT_BYTES = 8 << 20
AHEAD_S = 300.0
CLOCK_S = 30.0
"""What is dated no further ahead was written while we looked, or by a clock that is as good as ours."""
_SLACK_S = 60.0
_EVIDENCE = 600
_CHECK_EVERY = 1 << 14
_COMPRESSED = {".gz", ".bz2", ".xz"}
Stamp = Callable[[bytes], float | None]


class Dated(Protocol):
    """What the parsers of log lines return."""

    @property
    def at(self) -> float:
        """When the line was written, in epoch seconds."""


D = TypeVar("D", bound=Dated)


class Line(msgspec.Struct, frozen=True):
    """One line of the evidence and where it stands."""

    source: str
    number: int
    data: bytes

    def evidence(self, at: float | None = None) -> Evidence:
        """Return the line as a proof, secrets removed: first removed, then cut, lest half a key remain."""
        text = redact(self.data[: 16 * _EVIDENCE].decode("utf-8", "surrogateescape"))
        return Evidence(self.source, text[:_EVIDENCE], self.number, at=at)


def collect_recent(name: str, path: str, deadline: Deadline) -> tuple[Raw, ...]:
    """Return the newest part of a log whose lines carry no time of their own, by size: the log and its last rotation.

    Raises ProbeError where the log cannot be read.
    """
    return _collect(name, _members_of(path)[-2:], None, lambda _line: None, RECENT_BYTES, deadline)


def collect_log(
    name: str, path: str, since: float, stamp: Stamp, deadline: Deadline, room: int = CAP_BYTES
) -> tuple[Raw, ...]:
    """Return the lines of a log and its rotated members since `since` (epoch seconds), oldest first.

    At most `room` bytes, and then the newest. Raises ProbeError where the log cannot be read; a damaged compressed
    member gives what it still holds.
    """
    return _collect(name, _members_of(path), since, stamp, room, deadline)


def _members_of(path: str) -> list[Path]:
    """The rotated set, oldest first.

    Raises ProbeError where the log itself is missing, but for the moment in which it is being rotated: the members
    alone tell of the past.
    """
    try:
        found = members(path)
        alone = found[-1] != Path(path) and time.time() - found[-1].stat().st_mtime > _SLACK_S
    except LogError as error:
        raise ProbeError(error.message) from None
    except OSError:
        alone = True
    if alone:
        raise ProbeError(say("{path}: there is no such file", path=path))
    return found


def _collect(
    name: str, found: list[Path], since: float | None, stamp: Stamp, room: int, deadline: Deadline
) -> tuple[Raw, ...]:
    raws = list[Raw]()
    try:
        for position, member in enumerate(reversed(found)):
            deadline.enter(say("read {path}", path=str(member)))
            if position and since is not None and member.stat().st_mtime < since - _SLACK_S:
                break  # nothing was written to it in the window
            own = name if position == 0 else f"{name}.{position}"
            raws.append(_member(own, member, since, stamp, room, deadline))
            room -= len(raws[-1].data)
            if not raws[-1].complete or room <= 0 or _reaches(raws[-1].data, since, stamp):
                break
    except LogError as error:
        raise ProbeError(error.message) from None
    except OSError as error:  # rotated away between the listing and the look
        why = error.strerror or str(error)
        raise ProbeError(say("{path}: cannot be opened ({reason})", path=str(member), reason=why)) from None
    return tuple(reversed(raws))


def _member(name: str, path: Path, since: float | None, stamp: Stamp, room: int, deadline: Deadline) -> Raw:
    if path.suffix not in _COMPRESSED:
        part = tail(path, since, room, stamp)
        return Raw(name, part.data, str(path), part.first_line, part.complete)
    kept, size, number, complete = deque[bytes](), 0, 0, True
    try:
        for number, line in lines(path):
            if not number % _CHECK_EVERY:
                deadline.enter(say("read {path}", path=str(path)))
            if kept or since is None or (stamp(line) or since) >= since:
                kept.append(line)
                size += len(line) + 1
            while size > room:  # the newest lines are those that count
                size -= len(kept.popleft()) + 1
                complete = False
    except Truncated:
        complete = False
    return Raw(name, b"\n".join(kept), str(path), number - len(kept) + 1, complete)


def _reaches(data: bytes, since: float | None, stamp: Stamp) -> bool:
    """True where the first line that has a time is older than the window: no older member is needed."""
    if since is None:
        return False
    times = (stamp(line) for line in data[: 1 << 20].split(b"\n"))
    first = next((at for at in times if at is not None), None)
    return first is not None and first < since


def read_lines(raws: Sequence[Raw]) -> Iterator[Line]:
    """Yield every line of the evidence with its place."""
    for raw in raws:
        begin, number = 0, raw.first_line
        while begin < len(raw.data):
            end = raw.data.find(b"\n", begin)
            end = end if end >= 0 else len(raw.data)
            if end > begin:
                yield Line(raw.origin, number, raw.data[begin:end].removesuffix(b"\r"))
            begin, number = end + 1, number + 1


def never_written(raws: Sequence[Raw]) -> bool:
    """True where the log and its rotated members hold nothing at all, as opposed to nothing of late."""
    return not any(raw.data.strip() or raw.first_line > 1 or not raw.complete for raw in raws)


def cut_note(raws: Sequence[Raw]) -> tuple[Message, ...]:
    """Say where older lines were left out, for want of room."""
    cut = [raw.origin for raw in raws if not raw.complete]
    return tuple(say("only the newest part of {path} was read: it is larger than fits", path=path) for path in cut)


def age(item: D | None, at: float) -> float | None:
    """Return how old the newest line is in seconds; None without one, or where another clock than ours dated it.

    A clock that is ahead would make an old line look like one of this moment.
    """
    return None if item is None or item.at > at + CLOCK_S else round(max(0.0, at - item.at), 3)


def of_another_clock(line: Line) -> Message:
    """Say why the age of this line is not known."""
    return say(
        "{path}:{line} is dated in the future: its zone is not this host's, or a clock is wrong",
        path=line.source,
        line=line.number,
    )


def not_ahead(told: Iterable[tuple[D, Line]], at: float) -> Iterator[tuple[D, Line]]:
    """Leave out lines dated after `at`: a clock that was set back has made them, and they would seem new for long.

    Raises ProbeError where the newest line is one of them, because then the log and this host do not agree on the time.
    """
    ahead = None
    for item, line in told:
        ahead = line if item.at > at + AHEAD_S else None
        if ahead is None:
            yield item, line
    if ahead is not None:
        raise ProbeError(of_another_clock(ahead))
