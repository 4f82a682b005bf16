"""The form that most lines of a file have, as one pattern over whole lines: how millions of lines are read in seconds.

A shape accepts only lines that the reader of the format accepts, and gives the same values; every other line goes to
that reader. Values stay the bytes of the log until somebody needs them, because most of them occur many times.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain, compress, repeat
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

Value = str | float | None
Row = Any  # what findall gives: texts, or a tuple of them
Read = Callable[[bytes], Value]
Show = Callable[[Value], Any]
Shown = tuple[str, Show]
_NOTHING: Mapping[str, Read] = {}
_MEMORY = 100_000
_WHOLE = 3


class Piece(NamedTuple):
    """A part of a line: what it looks like (without groups), and how fields of a Request are read from its text.

    `name` is what the log itself calls it.
    """

    pattern: bytes
    reads: Mapping[str, Read] = _NOTHING
    name: str = ""


class Shape(msgspec.Struct, frozen=True):
    r"""The pieces of a line without its line end.

    `outline` holds texts that every line of the shape has exactly once, a leading `\n` standing for the line's start.
    """

    pieces: tuple[Piece, ...]
    outline: tuple[bytes, ...] = ()

    def columns(self, fields: Sequence[str], status: bytes = b"") -> Columns:
        """Return the pattern that captures these fields, and where each is found.

        Only lines whose status begins with the digits `status` have the shape; a whole one is not captured.
        """
        source, places = b"", dict[str, Pick]()
        group = 0
        for piece in self.pieces:
            wanted = [field for field in fields if field in piece.reads and field not in places]
            if status and "status" in piece.reads:
                source += b'(?="?' + status + b")"
                wanted = wanted if len(status) < _WHOLE else []
            source += (b"(" if wanted else b"(?:") + piece.pattern + b")"
            places |= {field: Pick(group, piece.reads[field]) for field in wanted}
            group += bool(wanted)
        if group == 0:
            source, group = source + b"()", 1
        if len(status) == _WHOLE:
            places["status"] = Pick(None, lambda _: int(status))
        names = {field: piece.name for piece in reversed(self.pieces) for field in piece.reads if piece.name}
        return Columns(source, places, group, names)


class Pick(NamedTuple):
    """Where a row has a field, and how its text is read; `place` is None where no line of the shape has it."""

    place: int | None
    read: Read


_ABSENT = Pick(None, lambda _: None)


class Memo(dict[bytes, Any]):
    """What a reader gives for a text, remembered for the next line that has the same."""

    def __init__(self, read: Callable[[bytes], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, raw: bytes) -> Any:
        """Read, and forget everything from time to time: a client can make every value different."""
        if len(self) >= _MEMORY:
            self.clear()
        value = self[raw] = self._read(raw)
        return value


class Columns:
    """A shape with the fields that a question asks for.

    A row is what `re.findall` gives for a line: the texts of the groups, or the text itself where there is one group.
    """

    def __init__(self, source: bytes, places: Mapping[str, Pick], groups: int, names: Mapping[str, str]) -> None:
        self._places, self._groups, self.names = places, groups, names
        # The engine looks up a class of characters in one step unless a category is among them, and what only a quote
        # ends twice as fast as what a line end ends too.
        self._source = source.replace(rb"[^\s", rb"[^ \t-\r").replace(rb'[^"\n]', rb'[^"]')
        self.single = groups == 1

    @cached_property
    def line(self) -> Callable[..., re.Match[bytes] | None]:
        """Match one line without its line end."""
        # Between two line ends nothing has to stop at a line end.
        return re.compile(self._source.replace(rb"[^\n]", b".") + rb"\r?+", re.DOTALL).fullmatch

    @cached_property
    def _lines(self) -> re.Pattern[bytes]:
        return re.compile(rb"^(?:" + self._source + rb")\r?+\n", re.MULTILINE)

    def rows(self, data: bytes | bytearray, end: int, lines: int) -> list[Row] | None:
        """Return the rows of the `lines` whole lines of `data[:end]`, None where one of them has not the shape.

        A match may go beyond the end of a line that is no line of the format, but then there are fewer than lines.
        """
        rows = self._lines.findall(data, 0, end)
        return rows if len(rows) == lines else None

    def _pick(self, field: str) -> tuple[Callable[[Row], bytes], Read]:
        place, read = self._places.get(field, _ABSENT)
        if place is None:
            return (lambda _: b""), read
        return (itemgetter(place) if self._groups > 1 else bytes), read

    def size(self, rows: list[Row]) -> int:
        """Return how many bytes the rows hold."""
        return sum(map(len, rows if self.single else chain.from_iterable(rows)))

    def keys(self, rows: Iterable[Row], shown: Sequence[Shown]) -> Iterator[tuple[Any, ...]]:
        """Yield for each row these fields as their functions show them."""
        several = list(rows)
        return zip(*[self._shown(several, field, show) for field, show in shown], strict=True)

    def _shown(self, rows: list[Row], field: str, show: Show) -> Iterator[Any]:
        place, read = self._places.get(field, _ABSENT)
        if place is None:
            return repeat(show(read(b"")), len(rows))
        return map(show, map(read, map(itemgetter(place), rows) if self._groups > 1 else rows))

    def texts(self, rows: list[Row], fields: Sequence[str]) -> Iterator[Any]:
        """Yield the raw texts of some fields of each row: the text itself where it is one field, else a tuple."""
        places = [pick.place for field in fields if (pick := self._places.get(field, _ABSENT)).place is not None]
        if not places:
            return repeat(b"", len(rows))
        return map(itemgetter(*places), rows) if self._groups > 1 else iter(rows)

    def read(self, counts: Mapping[Any, int], fields: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], int]]:
        """Yield the values of counted `texts` of the same fields."""
        picks = [self._places.get(field, _ABSENT) for field in fields]
        several = sum(pick.place is not None for pick in picks) > 1
        for texts, number in counts.items():
            rest = iter(texts if several else (texts,))
            yield tuple([read(next(rest)) if place is not None else read(b"") for place, read in picks]), number

    def column(self, rows: list[Row], field: str, show: Show) -> Iterator[Any]:
        """Return one field of all rows, as a function shows it."""
        text, read = self._pick(field)
        return map(Memo(_after(read, show)).__getitem__, map(text, rows))

    def kept(self, rows: list[Row], field: str, wanted: Callable[[Any], bool]) -> list[Row]:
        """Return the rows whose value of a field is wanted."""
        if self._places.get(field, _ABSENT).place is None:
            return rows if wanted(self._pick(field)[1](b"")) else []
        return list(compress(rows, self.column(rows, field, wanted)))

    def without(self, rows: list[Row], field: str) -> list[Row]:
        """Return the rows with nothing where the field is, so that rows that differ only there are equal."""
        place, _ = self._places.get(field, _ABSENT)
        if place is None or self._groups < 2:
            return rows if place is None else [b""] * len(rows)
        return [(*row[:place], b"", *row[place + 1 :]) for row in rows]


def _after(read: Callable[[bytes], Value], show: Show) -> Callable[[bytes], Any]:
    return lambda raw: show(read(raw))


def fitting(shapes: Collection[Shape], sample: Sequence[bytes]) -> Shape | None:
    """Return the shape that most of these lines have, of equals the first; None where no line has any."""
    best, most = None, 0
    for shape in shapes:
        pattern = re.compile(b"".join(b"(?:" + piece.pattern + b")" for piece in shape.pieces))
        number = sum(pattern.fullmatch(line) is not None for line in sample)
        if number > most:
            best, most = shape, number
        if most == len(sample):
            break
    return best
