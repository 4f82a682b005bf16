"""A log read on from where the last run stopped, across rotation: each line once, and told where lines are missing.

Renaming loses nothing. Truncation in place (copytruncate), and files that expire between two runs, do; both are
recognised by the content that is no longer where it was. Of lines that are equal and have no time nobody can tell.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from operator import itemgetter
from pathlib import Path

import msgspec

from opskit.logs import files
from opskit.logs.refusal import LogError
from opskit.logs.resume_member import Member, Stamp, Trace, last_time, open_member
from opskit.logs.resume_plan import First, Piece, Plan, plan
from opskit.logs.resume_state import VERSION, Identity, Mark, Position, load, lock, save
from opskit.logs.rotated import members as members_of
from opskit.model.message import Message, say

__all__ = ["Coverage", "Piece", "Position", "Resumed", "load", "lock", "open_since", "save"]

_TRIES, _PAUSE_S = 40, 0.025


class Coverage(msgspec.Struct, frozen=True):
    """What is missing, or may be, one sentence each."""

    lost: tuple[Message, ...]

    @property
    def complete(self) -> bool:
        """Whether every line since the last run was there."""
        return not self.lost


class Resumed:
    """The lines since the last run. `pieces` are the files that may hold some, oldest first."""

    def __init__(self, planned: Plan, live: Identity | None, since: Position | None, stamp: Stamp) -> None:
        self.pieces = [file for file in planned.files if isinstance(file, Piece)]
        self._files, self._lost = planned.files, list(planned.lost)
        self._reached = [piece.at for piece in self.pieces]
        self._live, self._since, self._stamp = live, since, stamp
        self._last_ts = since.last_ts if since else None
        self._position: Position | None = None

    @property
    def coverage(self) -> Coverage:
        """What is missing, as far as has been read."""
        return Coverage(tuple(self._lost))

    @property
    def position(self) -> Position:
        """Where the next run goes on, to be saved once the lines are delivered. RuntimeError before the last line."""
        if self._position is None:
            raise RuntimeError("the log has not been read to its end")
        return self._position

    def blocks(self) -> Iterator[tuple[Path, bytes]]:
        """Yield pieces of whole lines with the name of their file; only the last of a file may lack its line end.

        Of a line longer than 1 MiB only the first MiB is kept. What cannot be read is told in `coverage`.
        """
        for index, piece in enumerate(self.pieces):
            yield from self._read(index, piece)
        # A server writes to the renamed file until it has reopened its log, perhaps while all this was read.
        renamed = [index for index, piece in enumerate(self.pieces) if piece.complete and piece.member.size is not None]
        for index in renamed[-1:]:
            yield from self._read(index, Piece(self.pieces[index].member, self._reached[index], None, complete=False))
        self._position = self._end()

    def _read(self, index: int, piece: Piece) -> Iterator[tuple[Path, bytes]]:
        try:
            for block, behind in piece.member.lines(piece.at, piece.end):
                if piece.complete or block.endswith(b"\n"):
                    self._reached[index] = behind
                    at = last_time(self._stamp, block)
                    self._last_ts = self._last_ts if at is None else at
                    yield piece.path, block
        except LogError as error:
            self._lost.append(error.message)

    def _end(self) -> Position:
        reached = iter(self._reached)
        files = [self._mark(file, next(reached)) if isinstance(file, Piece) else file for file in self._files]
        position = Position(VERSION, self._last_ts, self._live, tuple(mark for mark in files if mark is not None))
        if position.last_ts is None and position.youngest is not None:
            position = msgspec.structs.replace(position, last_ts=self._last_time(position.youngest))
        return position

    @staticmethod
    def _mark(piece: Piece, at: Trace) -> Mark | None:
        return at.mark(piece.member.identity) if piece.member.identity is not None else None

    def _last_time(self, mark: Mark) -> float | None:
        members = [piece.member for piece in self.pieces if piece.member.identity == mark.identity]
        return members[0].last_time(mark.off, self._stamp) if members else None


@contextmanager
def open_since(
    path: Path | str, position: Position | None, first: First = "end", stamp: Stamp = lambda _: None
) -> Iterator[Resumed]:
    """Open the rotated set of a log for what came since `position`; on a first run nothing, or all from the start.

    `stamp` gives the time of a line in epoch seconds or None: it orders the set, and finds new lines where the place
    itself is gone. Raises LogError where the log cannot be read at all.
    """
    path = Path(path)
    with ExitStack() as stack:
        members = _without_copies(_ordered(path, _opened(path, stack), stamp))
        live = next((member.identity for member in members if member.path == path), None)
        yield Resumed(plan(path, members, position, first, stamp), live, position, stamp)


def _opened(path: Path, stack: ExitStack) -> list[Member]:
    """Open the set as it is at one moment: what is renamed meanwhile is opened anew."""
    for _ in range(_TRIES):
        with ExitStack() as attempt:
            found = _attempt(path, attempt)
            if found is not None:
                stack.enter_context(attempt.pop_all())
                return found
        time.sleep(_PAUSE_S)
    raise LogError(say("{path}: its rotated files keep changing; try again", path=str(path)))


def _attempt(path: Path, stack: ExitStack) -> list[Member] | None:
    names = members_of(path)
    files.make_room(len(names))
    found = []
    for name in names:
        try:
            member = open_member(name)
        except LogError as error:
            if name.is_symlink() and name != path:  # it leads nowhere, and will not by itself
                found.append(Member(name, None, None, error=error.message))
                continue
            if name.is_symlink() or (members_of(path) == [path] and files.identity(path) is None):
                raise
            return None
        if member.raw is not None:
            stack.callback(member.raw.close)
        if member.error is not None and name == path:
            raise LogError(member.error)
        found.append(member)
    return found if names == members_of(path) and all(map(_in_place, found)) else None


def _in_place(member: Member) -> bool:
    same = member.identity
    return same is None or files.identity(member.path) == (same.dev, same.ino)


def _ordered(path: Path, members: Sequence[Member], stamp: Stamp) -> list[Member]:
    """Sort by first time, and by name where that is equal or unknown; the log itself last; no file twice."""
    timed, latest = list[tuple[float, Member]](), float("-inf")
    for member in members:
        at = float("inf") if member.path == path else member.first_time(stamp)
        latest = latest if at is None else at
        timed.append((latest, member))
    in_order = [member for _, member in sorted(timed, key=itemgetter(0))]
    unique = {member.identity or member.path: member for member in reversed(in_order)}
    return list(reversed(unique.values()))


def _without_copies(members: Sequence[Member]) -> list[Member]:
    """Leave out what a younger file begins with: copytruncate is still copying, or a compressor left its half."""
    return [
        member
        for index, member in enumerate(members)
        if not any(_copied(member, younger) for younger in members[index + 1 :])
    ]


def _copied(older: Member, younger: Member) -> bool:
    """Whether the whole content of the older file, and there is some, stands at the start of the younger."""
    common = min(len(older.beginning), len(younger.beginning))
    if not common or older.beginning[:common] != younger.beginning[:common]:
        return False
    theirs, rest = _readable(younger.chunks(0)), b""
    for ours in _readable(older.chunks(0)):
        while len(rest) < len(ours) and (more := next(theirs, b"")):
            rest += more
        if not rest.startswith(ours):
            return False
        rest = rest[len(ours) :]
    return True


def _readable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what can be read of perhaps damaged data."""
    try:
        yield from chunks
    except LogError:
        return
