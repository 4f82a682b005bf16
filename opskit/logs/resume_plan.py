"""Which files of the set hold what came since the last run, from which byte on, and what cannot be there any more.

Everything here works on opened members, oldest first and the log itself last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from opskit.logs.refusal import LogError
from opskit.logs.resume_member import Member, Stamp, Trace, first_time
from opskit.logs.resume_state import Mark, Position
from opskit.model.message import Message, say

First = Literal["end", "start"]


class Piece(msgspec.Struct, frozen=True):
    """What is read of one opened file: from the place `at` to byte `end`, decompressed; None is the end of the file.

    `complete` says that the writer has gone on to a younger file, or that this one is compressed, so that a last line
    without a line end counts.
    """

    member: Member
    at: Trace
    end: int | None
    complete: bool

    @property
    def path(self) -> Path:
        """The name that the file had when it was opened."""
        return self.member.path


class Plan(msgspec.Struct, frozen=True):
    """What is to be read, oldest first, and one sentence for each reason why that is not all.

    Of a file that cannot have changed since it was read there is only the mark of then.
    """

    files: tuple[Piece | Mark, ...]
    lost: tuple[Message, ...] = ()


Known = Trace | Mark | None


def plan(path: Path, members: Sequence[Member], position: Position | None, first: First, stamp: Stamp) -> Plan:
    """Return what came after `position` in the set of the log at `path`; `first` is for where there is none."""
    if position is None:
        return _first_run(path, members, first)
    known = [_known(member, position.files) for member in members]
    youngest = position.youngest
    if youngest is None:
        return _from_nothing(path, members, known, position)
    places = [index for index, at in enumerate(known) if _is(at, youngest)]
    if not places:
        return _lost_thread(path, members, known, position, stamp)
    own = [index for index in places if members[index].identity == youngest.identity]
    last = (own or places)[-1]
    lost = [_copied(path)] if _truncated(path, members, known, position, last) else []
    if places[0] < last:
        lost.append(
            say("{path}: two files look like the one read last; lines may be missing or told twice", path=str(path))
        )
    lost += _strange(members, known, position, last)
    return Plan(_rest(members, known), tuple(lost))


def _known(member: Member, marks: Sequence[Mark]) -> Known:
    """Return how far a file was read: the mark itself where it cannot have changed, None where no mark is in it.

    Nobody writes to a file that was compressed already, so it need not be unpacked again.
    """
    own = [mark for mark in marks if mark.identity == member.identity]
    if member.compression is not None and (same := [mark for mark in own if member.starts_like(mark)]):
        return same[-1]
    found = [at for mark in own if (at := member.recall(mark)) is not None]
    found = found or [at for mark in marks if (at := member.recall(mark)) is not None]
    return max(found, key=lambda at: at.off, default=None)


def _strange(members: Sequence[Member], known: Sequence[Known], position: Position, last: int) -> list[Message]:
    """Name the files that were not there at the last run, unless one that had no line then was compressed since."""
    there = {member.identity for member in members}
    if any(mark.off == 0 and mark.identity not in there for mark in position.files):
        return []
    return [
        say(
            "{path}: was not there at the last run, although its lines are older; it was read whole",
            path=str(member.path),
        )
        for member, at in zip(members[:last], known, strict=False)
        if at is None and member.begun
    ]


def _is(at: Known, mark: Mark) -> bool:
    return at == mark if isinstance(at, Mark) else at is not None and at.mark(mark.identity) == mark


def _rest(members: Sequence[Member], known: Sequence[Known]) -> tuple[Piece | Mark, ...]:
    """Return what follows the known places; what is not known is new."""
    return tuple(
        at if isinstance(at, Mark) else _piece(members, index, at or Trace()) for index, at in enumerate(known)
    )


def _first_run(path: Path, members: Sequence[Member], first: First) -> Plan:
    if first == "start":
        text = say("{path}: first run; everything that is there was read", path=str(path))
        return Plan(tuple(_piece(members, index, Trace()) for index in range(len(members))), (text,))
    text = say("{path}: first run; the next one reads on from here", path=str(path))
    return Plan(tuple(_passed_over(members, index) for index in range(len(members))), (text,))


def _from_nothing(path: Path, members: Sequence[Member], known: Sequence[Known], position: Position) -> Plan:
    """No file of the set had a line then, so all that is there is new; but perhaps not all is there."""
    text = say(
        "{path}: was empty at the last run and has been rotated since; whether lines are missing cannot be told",
        path=str(path),
    )
    if _truncated(path, members, known, position, -1):
        text = _copied(path)
    elif any(member.identity == position.live for member in members):
        return Plan(_rest(members, known))
    return Plan(_rest(members, known), (text,))


def _lost_thread(
    path: Path, members: Sequence[Member], known: Sequence[Known], position: Position, stamp: Stamp
) -> Plan:
    """The place is gone: of the files that are not known, read what is younger than the last line."""
    files = list[Piece | Mark]()
    for index, (member, at) in enumerate(zip(members, known, strict=True)):
        rotated = member.path != path
        if isinstance(at, Mark):
            files.append(at)
        elif at is None and _read_before(member, position.youngest):
            files.append(_passed_over(members, index, rotated=rotated))
        else:
            files.append(_piece(members, index, at or _since(member, position.last_ts, stamp, rotated=rotated)))
    if members[-1].path == path and members[-1].identity == position.live:
        text = say(
            "{path}: emptied or overwritten since the last run (copytruncate?); what it held then may be lost, "
            "let logrotate create a new file, and signal the server",
            path=str(path),
        )
    else:
        text = say(
            "{path}: the file read last is gone; lines may be lost, read more often or keep more rotated files",
            path=str(path),
        )
    return Plan(tuple(files), (text,))


def _read_before(member: Member, mark: Mark | None) -> bool:
    """Whether it is an unfinished copy of the file that the place was in."""
    return mark is not None and member.begun and member.starts_like(mark) and member.at(mark.off) is None


def _truncated(path: Path, members: Sequence[Member], known: Sequence[Known], position: Position, last: int) -> bool:
    """Whether the log lives on in the same file although something was rotated since."""
    live, youngest = members[-1], position.youngest
    if live.path != path or live.identity != position.live:
        return False
    moved = last < len(members) - 1 and youngest is not None and youngest.identity == position.live
    between = zip(members[last + 1 : -1], known[last + 1 :], strict=False)
    return moved or any(member.begun and at is None for member, at in between)


def _copied(path: Path) -> Message:
    return say(
        "{path}: rotated by copytruncate, which loses what is written meanwhile; "
        "let logrotate create a new file, and signal the server",
        path=str(path),
    )


def _piece(members: Sequence[Member], index: int, at: Trace) -> Piece:
    complete = members[index].compression is not None or any(younger.begun for younger in members[index + 1 :])
    return Piece(members[index], at, None if complete else members[index].size, complete)


def _passed_over(members: Sequence[Member], index: int, *, rotated: bool = False) -> Piece:
    """A file of which nothing is read but what is still written to it; half a line of a `rotated` one is old too."""
    piece = _piece(members, index, Trace())
    at = piece.member.last(rotated or piece.complete)
    return msgspec.structs.replace(piece, at=at, end=at.off)


def _since(member: Member, last_ts: float | None, stamp: Stamp, *, rotated: bool) -> Trace:
    """Return the start of a file that begins later than `last_ts`, of another the place of its first later line."""
    start = member.first_time(stamp)
    place = Trace()
    if start is None or last_ts is None or start >= last_ts:
        return place
    try:
        for block, behind in member.lines(place):
            passed = _passed(block, last_ts, stamp)
            if passed < len(block):
                return (member.at(behind.off - len(block) + passed) or place) if passed else place
            place = behind if rotated or block.endswith(b"\n") else place
    except LogError:
        return place
    return place


def _passed(block: bytes, last_ts: float, stamp: Stamp) -> int:
    """Return how many bytes precede the first line later than `last_ts`."""
    passed = 0
    for line in block.split(b"\n"):
        at = first_time(stamp, (line,))
        if at is not None and at > last_ts:
            return passed
        passed += len(line) + 1
    return len(block)
