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

    `complete` says that the writer has gone on to a younger file, so that a last line without a line end counts.
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
    """What is to be read, oldest first, and one sentence for each reason why that is not all."""

    pieces: tuple[Piece, ...]
    lost: tuple[Message, ...] = ()


def plan(path: Path, members: Sequence[Member], position: Position | None, first: First, stamp: Stamp) -> Plan:
    """Return what came after `position` in the set of the log at `path`; `first` is for where there is none."""
    if position is None:
        return _first_run(path, members, first)
    if not position.off:
        return _from_nothing(path, members, position)
    places = _places(members, position)
    if not places:
        return _lost_thread(path, members, position, stamp)
    own = [place for place in places if members[place[0]].identity == position.identity]
    index, at = (own or places)[-1]
    lost = [_copied(path)] if _truncated(path, members, position, index) else []
    if places[0][0] < index:
        lost.append(
            say("{path}: two files look like the one read last; lines of the older may be missing", path=str(path))
        )
    pieces = [*_late(members, index, position.before), _piece(members, index, at), *_all(members, index + 1)]
    return Plan(tuple(pieces), tuple(lost))


def _first_run(path: Path, members: Sequence[Member], first: First) -> Plan:
    if first == "start":
        text = say("{path}: first run; everything that is there was read", path=str(path))
        return Plan(tuple(_all(members, 0)), (text,))
    # The file before the last one comes along: what is still written to it is for the next run.
    begun = [index for index, member in enumerate(members) if member.begun][-2:]
    pieces = tuple(_passed_over(members, index) for index in begun)
    return Plan(pieces, (say("{path}: first run; the next one reads on from here", path=str(path)),))


def _from_nothing(path: Path, members: Sequence[Member], position: Position) -> Plan:
    """No file of the set had a line then, so all that is there is new; but perhaps not all is there."""
    pieces = tuple(_all(members, 0))
    if _truncated(path, members, position, -1):
        return Plan(pieces, (_copied(path),))
    if any(member.identity == position.live for member in members):
        return Plan(pieces)
    text = say(
        "{path}: was empty at the last run and has been rotated since; whether lines are missing cannot be told",
        path=str(path),
    )
    return Plan(pieces, (text,))


def _lost_thread(path: Path, members: Sequence[Member], position: Position, stamp: Stamp) -> Plan:
    """The place is gone: read what is younger than the file before it, or else than the last line."""
    before = _places(members, position.before)[-1:]
    pieces = [_piece(members, index, at) for index, at in before]
    for index in range(before[0][0] + 1 if before else 0, len(members)):
        member = members[index]
        # An older copy of the same file was read with it.
        if member.begun and member.starts_like(position) and member.at(position.off) is None:
            pieces.append(_passed_over(members, index, rotated=member.path != path))
        else:
            at = _since(member, position.last_ts, stamp, rotated=member.path != path)
            pieces.append(_piece(members, index, at))
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
    return Plan(tuple(pieces), (text,))


def _places(members: Sequence[Member], mark: Mark | None) -> list[tuple[int, Trace]]:
    if mark is None:
        return []
    found = ((index, member.recall(mark)) for index, member in enumerate(members))
    return [(index, at) for index, at in found if at is not None]


def _truncated(path: Path, members: Sequence[Member], position: Position, index: int) -> bool:
    """Whether the log lives on in the same file although something was rotated since."""
    live = members[-1]
    if live.path != path or live.identity != position.live:
        return False
    moved = index < len(members) - 1 and position.identity == position.live
    return moved or any(member.begun for member in members[index + 1 : -1])


def _copied(path: Path) -> Message:
    return say(
        "{path}: rotated by copytruncate, which loses what is written meanwhile; "
        "let logrotate create a new file, and signal the server",
        path=str(path),
    )


def _late(members: Sequence[Member], index: int, before: Mark | None) -> list[Piece]:
    """What was still written to the renamed file after the last run."""
    if before is None:
        return []
    places = (
        (number, member.recall(before)) for number, member in enumerate(members[:index]) if not _settled(member, before)
    )
    return [_piece(members, number, at) for number, at in places if at is not None][-1:]


def _settled(member: Member, mark: Mark) -> bool:
    """Whether the file was compressed when it was read: nobody writes to it, so it need not be unpacked again."""
    return member.compression is not None and member.identity == mark.identity and member.starts_like(mark)


def _all(members: Sequence[Member], start: int) -> list[Piece]:
    return [_piece(members, index, Trace()) for index in range(start, len(members))]


def _piece(members: Sequence[Member], index: int, at: Trace) -> Piece:
    complete = any(younger.begun for younger in members[index + 1 :])
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
