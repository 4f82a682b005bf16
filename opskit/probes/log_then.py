"""A log as it stood at a moment that is over: what was written later tells of something else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from opskit.model.message import say
from opskit.model.raw import Raw
from opskit.probes.base import ProbeError
from opskit.probes.log_tail import Stamp


def stood(raws: Sequence[Raw], moment: float, stamp: Stamp) -> tuple[Raw, ...]:
    """Return the evidence without the lines that were written after `moment` (epoch seconds; 0: all of it).

    Lines without a time belong to the one before them. Raises ProbeError where none of the evidence reaches back so far
    because older lines found no room.
    """
    return _cut(raws, moment, lambda raw: _end(raw.data, moment, stamp))


def stood_by(
    raws: Sequence[Raw], moment: float, dated: Callable[[Raw], Iterable[tuple[int, float | None]]]
) -> tuple[Raw, ...]:
    """The same for logs whose lines get their time from others: `dated` yields line numbers with their times."""

    def end(raw: Raw) -> int:
        later = next((line for line, at in dated(raw) if at is not None and at > moment), None)
        return len(raw.data) if later is None else _beginning(raw.data, later - raw.first_line)

    return _cut(raws, moment, end)


def _cut(raws: Sequence[Raw], moment: float, end: Callable[[Raw], int]) -> tuple[Raw, ...]:
    if not moment:
        return tuple(raws)
    kept = tuple(msgspec.structs.replace(raw, data=raw.data[: end(raw)]) for raw in raws)
    if raws and not raws[0].complete and not any(raw.data for raw in kept):
        raise ProbeError(say("{path}: what was read of it begins after the moment asked about", path=raws[0].origin))
    return kept


def _end(data: bytes, moment: float, stamp: Stamp) -> int:
    """Where the lines of that time end. Looked for from behind, because most of a log is older than a complaint."""
    end = close = len(data.rstrip(b"\n"))
    while close > 0:
        begin = data.rfind(b"\n", 0, close) + 1
        at = stamp(data[begin:close].removesuffix(b"\r"))
        if at is not None and at <= moment:
            return end
        if at is not None:
            end = max(0, begin - 1)
        close = begin - 1
    return end


def _beginning(data: bytes, lines: int) -> int:
    """Where the line begins that has so many before it."""
    place = 0
    for _ in range(lines):
        place = data.find(b"\n", place) + 1
    return place
